"""The table for people: as a Markdown page, and on a terminal."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import TextIO

from metalstm import published
from metalstm.tables.columns import NOTHING, Column, as_markdown, number, on_terminal
from metalstm.tables.rows import NO_CELL, Absent, Row, base, derivation, has_evidence, is_vote

_PAIRED_TEST = (
    "paired approximate randomisation over test sentences (10,000 shuffles, two-sided), on the mean F1 of the seeds "
    "that both have."
)


def page(
    title: str,
    rows: Sequence[Row],
    missing: Sequence[Absent] = (),
    *,
    left_out: Sequence[str] = (),
    opening: Sequence[str] = (),
) -> str:
    """A Markdown page: the table, and under it how its figures came about and which rows are `missing`.

    `left_out` are corpora that have no row at all. The lines of `opening`, if any, come before the table.
    """
    lines = [f"# {title}", ""]
    if opening:
        lines += [*opening, "## Rows", ""]
    if rows:
        lines += [*as_markdown(rows, _columns(rows)), ""]
    notes = [*_notes(rows, _columns(rows)), *by_model("Not run", missing), *map(_left_out, left_out)]
    lines += [f"- {note}" for note in notes]
    return "\n".join(lines) + "\n"


def terminal(rows: Sequence[Row], *, title: str | None = None, file: TextIO | None = None) -> None:
    """Print the table and its notes to `file`, by default standard output."""
    notes = partial(_notes, rows)
    on_terminal(rows, _columns(rows), title=title, section=lambda row: row.corpus, notes=notes, file=file)


def _columns(rows: Sequence[Row]) -> list[Column[Row]]:
    """Those that have something to say in these rows."""
    columns: list[Column[Row]] = [Column("Corpus", lambda row: row.corpus, is_number=False)]
    if len({row.group for row in rows}) > 1:
        columns.append(Column("Group", lambda row: row.group or NOTHING, is_number=False))
    columns += [
        Column("Model", lambda row: model_name(row.setting), is_number=False),
        Column("Cell", lambda row: NOTHING if row.cell == NO_CELL else row.cell, is_number=False),
        Column("Seeds", lambda row: str(row.seeds or NOTHING), dropped=4),
        Column("F1", _f1),
    ]
    if any(row.f1_low is not None for row in rows):
        columns.append(
            Column(
                "95 %",
                _interval,
                dropped=3,
                note="95 %: interval of the mean F1 of the seeds, by bootstrap over test sentences (10,000 samples), "
                "each drawn with the outputs of all seeds; it says nothing of the luck of a seed.",
            )
        )
    if any(row.study_f1 is not None for row in rows):
        columns.append(
            Column(
                "Study F1",
                lambda row: number(row.study_f1),
                note="Study F1: as published. There the best epoch was picked on the test split itself, and test "
                "sentences of 250 tokens or more were dropped, so it is not measured as ours is.",
            )
        )
        columns.append(Column("Delta", lambda row: number(row.delta, "+.2f")))
    columns += [
        Column("Precision", lambda row: number(row.precision_mean), dropped=7),
        Column("Recall", lambda row: number(row.recall_mean), dropped=7),
    ]
    if any(row.p_value is not None for row in rows):
        against = "p against STM: a group's model against STM of the same corpus and cell; "
        columns.append(
            Column("p against STM", lambda row: _p_value(row.p_value), dropped=1, note=against + _PAIRED_TEST)
        )
    if any(row.p_cell is not None for row in rows):
        against = "p against lstm: the cell against lstm, corpus and model alike; "
        columns.append(
            Column("p against lstm", lambda row: _p_value(row.p_cell), dropped=2, note=against + _PAIRED_TEST)
        )
    if any(row.recall_unseen is not None for row in rows):
        columns.append(
            Column(
                "Recall unseen",
                lambda row: number(row.recall_unseen),
                dropped=5,
                note="Recall unseen: on test mentions whose tokens are no mention of train or devel.",
            )
        )
    if any(row.devel_f1_mean is not None for row in rows):
        columns.append(Column("Devel F1", lambda row: number(row.devel_f1_mean), dropped=6))
    columns.append(Column("Test entities", lambda row: f"{row.n_test_entities:,}", dropped=8))
    return columns


def _notes(rows: Sequence[Row], columns: Sequence[Column[Row]]) -> list[str]:
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
    if any(has_evidence(row.setting) for row in rows):
        notes.append(
            "Evidence: names that the train file labels nearly everywhere are labelled too, abbreviations as their "
            "long forms are, and names that are predicted nearby in the file at their other places (by older runs "
            "without the first of these, or names alone), each for the corpora and seeds where this "
            "raises F1 on the development split, or for the corpora that params.yaml names; its p is against STM "
            "evidence, and that of a vote against the vote of STM, evidence."
        )
    if any(row.cell == NO_CELL for row in rows):
        notes.append("Dictionary: the mentions of the train file, the longest match from left to right.")
    return notes


def _left_out(corpus: str) -> str:
    """That a corpus has no row, and what a reader would have looked for in it."""
    figures = [(setting, published.study_f1(corpus, setting)) for setting in ("stm", "mtm")]
    told = ", ".join(f"{model_name(setting)} {number(f1)}" for setting, f1 in figures if f1 is not None)
    return f"Left out: {corpus}, which is in its group and not in `corpora`" + (f"; study F1: {told}." if told else ".")


def by_model(what: str, rows: Sequence[Absent]) -> list[str]:
    """One line that says `what` of rows that are not there, by model and cell; none where there are no such rows."""
    corpora: dict[tuple[str, str], list[str]] = defaultdict(list)
    for corpus, setting, cell in rows:
        corpora[model_name(setting), NOTHING if cell == NO_CELL else cell].append(corpus)
    parts = [f"{setting} {cell}: {', '.join(names)}" for (setting, cell), names in corpora.items()]
    return [f"{what}: {'; '.join(parts)}."] if parts else []


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def model_name(setting: str) -> str:
    """A setting as people read it: `mtm-plus` is MTM-plus, `stm-vote` is STM vote, and so on."""
    kind, dash, rest = base(setting).partition("-")
    name = (kind.upper() if len(kind) == 3 else kind) + dash + rest
    return name + derivation(setting).replace("-", " ")


def _interval(row: Row) -> str:
    return NOTHING if row.f1_low is None else f"{row.f1_low:.1f}–{row.f1_high:.1f}"


def _f1(row: Row) -> str:
    return number(row.f1_mean) + ("" if row.f1_sd is None else f" ± {row.f1_sd:.2f}")


def _p_value(value: float | None) -> str:
    """Three decimals; what is smaller is said to be so."""
    return "< 0.001" if value is not None and value < 0.001 else number(value, ".3f")
