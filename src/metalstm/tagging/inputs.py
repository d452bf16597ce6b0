"""What a user may have tagged: a text, or a file with a token a line."""

from pathlib import Path

from metalstm.corpora import columns


def read_text(path: Path) -> str:
    """A text in UTF-8 with its line ends as they are, so that offsets count the file's own characters.

    A byte order mark is left out and not counted.

    Raises:
        UserError: the file cannot be read, or is not UTF-8.
    """
    return columns.decoded(path).removeprefix(columns.BYTE_ORDER_MARK)


def read_token_lines(path: Path) -> list[tuple[str, ...]]:
    """The sentences of a file with a token a line and blank lines between sentences.

    The token is the first column; what follows after a TAB (in a file without any TAB: after a space), such as a
    label, is not read.

    Raises:
        UserError: the file cannot be read or is not UTF-8; a line has no token.
    """
    return columns.read_tokens(path, separator=columns.tab_or_spaces)
