"""How a number of things is said to a person."""


def counted(number: int, thing: str, things: str | None = None) -> str:
    """`1 label`, `1,200 labels`; `things` is the plural where that is not `thing` with an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
