"""Tables by their columns: as Markdown, and on a terminal of any width."""

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, Literal, TextIO, TypeVar

NOTHING = "–"
"""Stands where there is no value."""

Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Column(Generic[Shown]):
    """A heading, what stands below it, and what is to be said of it under the table."""

    heading: str
    cell: Callable[[Shown], str]
    is_number: bool = True
    dropped: int | None = None
    """Which to do without first where a terminal is too narrow: the largest; None: never."""
    note: str | None = None

    def width(self, rows: Sequence[Shown]) -> int:
        """What its longest cell takes, and its heading with a word a line."""
        return max(map(len, [*self.heading.split(), *map(self.cell, rows)]))


def as_markdown(rows: Sequence[Shown], columns: Sequence[Column[Shown]]) -> list[str]:
    """The lines of the table."""
    lines = [[column.heading for column in columns], *([column.cell(row) for column in columns] for row in rows)]
    return padded(lines, [column.is_number for column in columns])


def padded(lines: Sequence[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    """The lines of a Markdown table that can be read as plain text too.

    The first of `lines` has the headings; `numbers` says which columns stand to the right.
    """
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    sides = [":" if is_number else "-" for is_number in numbers]
    rule = ["-" * (width - 1) + side for width, side in zip(widths, sides, strict=True)]
    aligned = [
        [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(cells, widths, numbers, strict=True)
        ]
        for cells in lines
    ]
    return [f"| {' | '.join(cells)} |" for cells in [aligned[0], rule, *aligned[1:]]]


def on_terminal(
    rows: Sequence[Shown],
    columns: Sequence[Column[Shown]],
    *,
    title: str | None,
    section: Callable[[Shown], Hashable],
    notes: Callable[[Sequence[Column[Shown]]], Sequence[str]],
    file: TextIO | None,
) -> None:
    """Print the table and the `notes` on the columns shown to `file`, by default standard output.

    A terminal that is too narrow for all columns gets those that matter most. What is not a terminal gets all. Rows of
    one `section` stand together.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = list(columns)
    console = Console(file=file, highlight=False, markup=False, emoji=False)
    if not (file or sys.stdout).isatty():
        console.width = max(console.width, _width(shown, rows))
    while _width(shown, rows) > console.width and any(column.dropped for column in shown):
        shown.remove(max(shown, key=lambda column: column.dropped or 0))
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=(0, 1, 0, 0),
    )
    for column in shown:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(
            column.heading.replace(" ", "\n"),
            justify=justify,
            vertical="bottom",
            # Where there is no room at all names go on below, and figures stay whole.
            no_wrap=column.is_number,
            overflow="fold",
        )
    for row, following in zip_longest(rows, rows[1:]):
        is_last = following is None or section(following) != section(row)
        table.add_row(*(column.cell(row) for column in shown), end_section=is_last)
    console.print(table)
    for note in notes(shown):
        console.print(note, style="dim")


def number(value: float | None, form: str = ".2f") -> str:
    """A figure as `form` says; `NOTHING` where there is none."""
    return NOTHING if value is None else format(value, form)


def _width(columns: Sequence[Column[Shown]], rows: Sequence[Shown]) -> int:
    """What the table takes on a terminal: two spaces between columns, and one on either side."""
    return sum(column.width(rows) + 2 for column in columns) + 1
