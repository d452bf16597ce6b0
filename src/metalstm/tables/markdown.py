"""The table for people: as a Markdown page, and on a terminal."""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from metalstm.tables.rows import CONSISTENT, NO_CELL, Absent, Row, base, derivation, is_vote

_NOTHING = "–"
_PAIRED_TEST = (
    "paired approximate randomisation over test sentences (10,000 shuffles, two-sided), the counts of the seeds that "
    "both have summed in each sentence."
)


@dataclass(frozen=True, slots=True)
class _Column:
    """A heading, what stands below it, and what is to be said of it under the table."""

    heading: str
    cell: Callable[[Row], str]
    is_number: bool = True
    dropped: int | None = None
    """Which to do without first where a terminal is too narrow: the largest; None: never."""
    note: str | None = None

    def width(self, rows: Sequence[Row]) -> int:
        """What its longest cell takes, and its heading with a word a line."""
        return max(map(len, [*self.heading.split(), *map(self.cell, rows)]))


def page(title: str, rows: Sequence[Row], missing: Sequence[Absent] = (), *, opening: Sequence[str] = ()) -> str:
    """A Markdown page: the table, and under it how its figures came about and which rows are `missing`.

    The lines of `opening`, if any, come before the table.
    """
    lines = [f"# {title}", ""]
    if opening:
        lines += [*opening, "## Rows", ""]
    if rows:
        lines += [*_table(rows), ""]
    lines += [f"- {note}" for note in [*_notes(rows, _columns(rows)), *_missing(missing)]]
    return "\n".join(lines) + "\n"


def terminal(rows: Sequence[Row], *, title: str | None = None, file: TextIO | None = None) -> None:
    """Print the table and its notes to `file`, by default standard output.

    A terminal that is too narrow for all columns gets those that matter most. What is not a terminal gets all.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    columns = _columns(rows)
    console = Console(file=file, highlight=False)
    if not (file or sys.stdout).isatty():
        console.width = max(console.width, _width(columns, rows))
    while _width(columns, rows) > console.width and any(column.dropped for column in columns):
        columns.remove(max(columns, key=lambda column: column.dropped or 0))
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.is_number else "left"
        table.add_column(
            column.heading.replace(" ", "\n"),
            justify=justify,
            vertical="bottom",
            # Where there is no room at all names go on below, and figures stay whole.
            no_wrap=column.is_number,
            overflow="fold",
        )
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        is_last = following is None or following.corpus != row.corpus
        table.add_row(*(column.cell(row) for column in columns), end_section=is_last)
    console.print(table)
    for note in _notes(rows, columns):
        console.print(note, style="dim", markup=False)


def _width(columns: Sequence[_Column], rows: Sequence[Row]) -> int:
    """What the table takes on a terminal: two spaces between columns, and one on either side."""
    return sum(column.width(rows) + 2 for column in columns) + 1


def _columns(rows: Sequence[Row]) -> list[_Column]:
    """Those that have something to say in these rows."""
    columns = [_Column("Corpus", lambda row: row.corpus, is_number=False)]
    if len({row.group for row in rows}) > 1:
        columns.append(_Column("Group", lambda row: row.group or _NOTHING, is_number=False))
    columns += [
        _Column("Model", lambda row: model_name(row.setting), is_number=False),
        _Column("Cell", lambda row: _NOTHING if row.cell == NO_CELL else row.cell, is_number=False),
        _Column("Seeds", lambda row: str(row.seeds or _NOTHING), dropped=4),
        _Column("F1", _f1),
    ]
    if any(row.f1_low is not None for row in rows):
        columns.append(
            _Column(
                "95 %",
                _interval,
                dropped=3,
                note="95 %: interval by bootstrap over test sentences (10,000 samples), the counts of all seeds summed "
                "in each sentence; it says nothing of the luck of a seed.",
            )
        )
    if any(row.study_f1 is not None for row in rows):
        columns.append(
            _Column(
                "Study F1",
                lambda row: _number(row.study_f1),
                note="Study F1: as published. There the best epoch was picked on the test split itself, and test "
                "sentences of 250 tokens or more were dropped, so it is not measured as ours is.",
            )
        )
        columns.append(_Column("Delta", lambda row: _number(row.delta, "+.2f")))
    columns += [
        _Column("Precision", lambda row: _number(row.precision_mean), dropped=7),
        _Column("Recall", lambda row: _number(row.recall_mean), dropped=7),
    ]
    if any(row.p_value is not None for row in rows):
        against = "p against STM: a group's model against STM of the same corpus and cell; "
        columns.append(
            _Column("p against STM", lambda row: _p_value(row.p_value), dropped=1, note=against + _PAIRED_TEST)
        )
    if any(row.p_cell is not None for row in rows):
        against = "p against lstm: the cell against lstm, corpus and model alike; "
        columns.append(
            _Column("p against lstm", lambda row: _p_value(row.p_cell), dropped=2, note=against + _PAIRED_TEST)
        )
    if any(row.recall_unseen is not None for row in rows):
        columns.append(
            _Column(
                "Recall unseen",
                lambda row: _number(row.recall_unseen),
                dropped=5,
                note="Recall unseen: on test mentions whose tokens are no mention of train or devel.",
            )
        )
    if any(row.devel_f1_mean is not None for row in rows):
        columns.append(_Column("Devel F1", lambda row: _number(row.devel_f1_mean), dropped=6))
    columns.append(_Column("Test entities", lambda row: f"{row.n_test_entities:,}", dropped=8))
    return columns


def _table(rows: Sequence[Row]) -> list[str]:
    columns = _columns(rows)
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


def _notes(rows: Sequence[Row], columns: Sequence[_Column]) -> list[str]:
    """What is to be said of `rows` where just these columns are shown."""
    notes = []
    if rows:
        counts = sorted({row.seeds for row in rows if not is_vote(row.setting)} - {0}) or [0]
        seeds = "1 seed" if counts == [1] else f"{_span(counts)} seeds"
        notes.append(
            f"Ours: strict matching of whole entities on the test split, in per cent, mean over {seeds}; "
            "the epoch is chosen on the development split (or is the last one, where metrics.json says `train_on: "
            "train+devel`), and every test sentence is scored."
        )
    if any(row.f1_sd is not None for row in rows):
        notes.append("± is the sample standard deviation over seeds.")
    notes += [column.note for column in columns if column.note]
    if any(is_vote(row.setting) for row in rows):
        notes.append(
            "Vote: a mention counts where more than half of the seeds predict it; its p is against the vote of STM."
        )
    if any(derivation(row.setting) == CONSISTENT for row in rows):
        notes.append(
            "Consistent: names that a run predicts nearby in the file are labelled at their other occurrences too, for "
            "corpora and seeds where this raises F1 on the development split; its p is against STM consistent."
        )
    if any(row.cell == NO_CELL for row in rows):
        notes.append("Dictionary: the mentions of the train file, the longest match from left to right.")
    return notes


def _missing(missing: Sequence[Absent]) -> list[str]:
    """One line for all rows that are not there, by model and cell."""
    corpora: dict[tuple[str, str], list[str]] = defaultdict(list)
    for corpus, setting, cell in missing:
        corpora[model_name(setting), cell].append(corpus)
    parts = [f"{setting} {cell}: {', '.join(names)}" for (setting, cell), names in corpora.items()]
    return [f"Not run: {'; '.join(parts)}."] if parts else []


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def model_name(setting: str) -> str:
    """A setting as people read it: `mtm-plus` is MTM-plus, `stm-vote` is STM vote, and so on."""
    kind, dash, rest = base(setting).partition("-")
    name = (kind.upper() if len(kind) == 3 else kind) + dash + rest
    return name + derivation(setting).replace("-", " ")


def _interval(row: Row) -> str:
    return _NOTHING if row.f1_low is None else f"{row.f1_low:.1f}–{row.f1_high:.1f}"


def _f1(row: Row) -> str:
    return _number(row.f1_mean) + ("" if row.f1_sd is None else f" ± {row.f1_sd:.2f}")


def _number(value: float | None, form: str = ".2f") -> str:
    return _NOTHING if value is None else format(value, form)


def _p_value(value: float | None) -> str:
    """Three decimals; what is smaller is said to be so."""
    return "< 0.001" if value is not None and value < 0.001 else _number(value, ".3f")
