"""The F1 tables of README.md and docs/results.md: each figure stands there as it was measured."""

import csv
import json
import re
import statistics
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from metalstm import published
from metalstm.nn.cells import REGISTRY

ROOT = Path(__file__).parents[1]
MEASURED = "biomedical"
EVIDENCE = "biomedical-evidence"
SEEDS = "biomedical-evidence-seeds"
POOLED = "biomedical-pooled"
NAMES = "biomedical-names"
PUBLIC = "biomedical-public"
WITH_DEVEL = "biomedical-train-devel"
FIVE = "biomedical-evidence-train-devel"
SEEDS_WITH_DEVEL = "biomedical-evidence-seeds-train-devel"
NAMES_WITH_DEVEL = "biomedical-names-train-devel"
METARNN = "biomedical-metarnn"

NOT_RUN = "BC4CHEMD"
"""It could not be had; README says so in a row of it."""
STUDY = "study"
"""In place of a cell: the study's figure for a setting."""


class Column(NamedTuple):
    """Whose figures a column shows: of which folder of results/reference, which setting and which cell."""

    folder: str
    setting: str
    cell: str


def columns(folder: str, models: str) -> list[Column]:
    """Written as `setting cell, setting cell, ...`."""
    return [Column(folder, *model.split()) for model in models.split(", ")]


SHOWN = {
    ("README.md", "## Measured"): [
        *columns(MEASURED, "stm study, stm lstm, stm metalstm"),
        *columns(NAMES, "stm-evidence lstm-names, stm-vote-evidence lstm-names"),
        *columns(MEASURED, "mtm study, mtm lstm, mtm metalstm"),
        *columns(NAMES, "mtm-plus-evidence lstm-names, mtm-plus-vote-evidence lstm-names"),
    ],
    ("docs/results.md", "## With lists of names"): [
        *columns(MEASURED, "stm study"),
        *columns(NAMES, "stm lstm-names, stm-evidence lstm-names"),
        *columns(NAMES, "stm-vote lstm-names, stm-vote-evidence lstm-names"),
        *columns(MEASURED, "mtm study"),
        *columns(NAMES, "mtm-plus lstm-names, mtm-plus-evidence lstm-names"),
        *columns(NAMES, "mtm-plus-vote lstm-names, mtm-plus-vote-evidence lstm-names"),
    ],
    ("docs/results.md", "## From public text alone"): [
        *columns(MEASURED, "stm study"),
        *columns(PUBLIC, "stm lstm-names, stm-evidence lstm-names"),
        *columns(PUBLIC, "stm-vote lstm-names, stm-vote-evidence lstm-names"),
        *columns(MEASURED, "mtm study"),
        *columns(PUBLIC, "mtm-plus lstm-names, mtm-plus-evidence lstm-names"),
        *columns(PUBLIC, "mtm-plus-vote lstm-names, mtm-plus-vote-evidence lstm-names"),
    ],
    ("docs/results.md", "## With evidence from beyond the sentence"): [
        *columns(SEEDS, "stm study, stm lstm-contextual, stm-evidence lstm-contextual"),
        *columns(SEEDS, "stm-vote lstm-contextual, stm-vote-evidence lstm-contextual"),
        *columns(MEASURED, "mtm study"),
        *columns(SEEDS, "mtm-plus lstm-contextual, mtm-plus-evidence lstm-contextual"),
        *columns(SEEDS, "mtm-plus-vote lstm-contextual, mtm-plus-vote-evidence lstm-contextual"),
    ],
    ("docs/results.md", "## Every model"): columns(
        MEASURED,
        "stm study, stm lstm, stm metalstm, stm lstm-contextual, stm lstm-2-contextual, stm-vote lstm, "
        "mtm study, mtm lstm, mtm metalstm, mtm lstm-contextual, mtm-vote lstm, mtm-plus lstm, "
        "mtm-plus lstm-contextual",
    ),
    ("docs/results.md", "### Pooled over the file"): columns(
        POOLED,
        "stm study, stm lstm-pooled, stm-evidence lstm-pooled, stm-vote lstm-pooled, stm-vote-evidence lstm-pooled",
    ),
    ("docs/results.md", "### With a larger language model"): columns(
        EVIDENCE,
        "stm study, stm lstm-contextual-medium, stm-evidence lstm-contextual-medium, "
        "mtm-plus study, mtm-plus lstm-contextual-medium, mtm-plus-evidence lstm-contextual-medium",
    ),
    ("docs/results.md", "## With the development labels too"): columns(
        WITH_DEVEL,
        "stm study, stm lstm-contextual, stm-vote lstm-contextual, "
        "mtm-plus study, mtm-plus lstm-contextual, mtm-plus-vote lstm-contextual",
    ),
    ("docs/results.md", "### And evidence"): [
        *columns(MEASURED, "stm study"),
        *columns(SEEDS_WITH_DEVEL, "stm lstm-contextual, stm-evidence lstm-contextual"),
        *columns(SEEDS_WITH_DEVEL, "stm-vote lstm-contextual, stm-vote-evidence lstm-contextual"),
        *columns(MEASURED, "mtm study"),
        *columns(SEEDS_WITH_DEVEL, "mtm-plus lstm-contextual, mtm-plus-evidence lstm-contextual"),
        *columns(SEEDS_WITH_DEVEL, "mtm-plus-vote lstm-contextual, mtm-plus-vote-evidence lstm-contextual"),
    ],
}


@cache
def measured(folder: str) -> dict[tuple[str, str, str], dict[str, str]]:
    with (ROOT / "results/reference" / folder / "tables/all.csv").open(encoding="utf-8", newline="") as file:
        return {(row["corpus"], row["setting"], row["cell"]): row for row in csv.DictReader(file)}


def table_below(file: str, heading: str, number: int = 0) -> list[list[str]]:
    """The cells of a table of the section with this heading, without its head."""
    _, text = (ROOT / file).read_text(encoding="utf-8").split(f"\n{heading}\n", 1)
    section = re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0]
    table = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[number]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def expected(corpus: str, column: Column) -> str:
    rows = measured(column.folder)
    if column.cell == STUDY:
        of_study = next(row["study_f1"] for place, row in rows.items() if place[:2] == (corpus, column.setting))
        return f"{float(of_study):.2f}"
    row = rows.get((corpus, column.setting, column.cell))
    if row is None:  # not run
        return ""
    figure = f"{float(row['f1_mean']):.2f}"
    return f"**{figure}**" if float(row["delta"]) >= 0 else figure


def corpora(shown: list[Column]) -> list[str]:
    """Those of which any figure of ours is shown, in the order of the tables."""
    ours = [column for column in shown if column.cell != STUDY]
    every = dict.fromkeys(corpus for corpus, *_ in measured(shown[0].folder))
    return [corpus for corpus in every if any(expected(corpus, column) for column in ours)]


@pytest.mark.parametrize(("file", "heading"), SHOWN)
def test_a_table_has_the_measured_figures_bold_from_the_study_on(file: str, heading: str) -> None:
    shown = SHOWN[file, heading]
    table = [row for row in table_below(file, heading) if row[0] != NOT_RUN]
    assert [corpus for corpus, *_ in table] == corpora(shown)
    for corpus, *cells in table:
        assert cells == [expected(corpus, column) for column in shown], corpus


def test_the_row_of_a_corpus_that_was_not_run_says_so_beside_the_study() -> None:
    [(_, *cells)] = [row for row in table_below("README.md", "## Measured") if row[0] == NOT_RUN]
    for column, cell in zip(SHOWN["README.md", "## Measured"], cells, strict=True):
        study = published.study_f1(NOT_RUN, column.setting)
        assert cell == (f"{study:.2f}" if column.cell == STUDY else "not run")


CELLS_SHOWN = {
    "lstm": "`lstm`",
    "metalstm": "`metalstm`",
    "lstm-contextual": "`lstm`, contextual vectors",
    "lstm-2-contextual": "`lstm`, two layers, contextual vectors",
}

SUMMARIES = {
    ("README.md", "## Measured", 1): {
        ("STM", "`lstm`"): Column(MEASURED, "stm", "lstm"),
        ("STM", "`metalstm`"): Column(MEASURED, "stm", "metalstm"),
        ("STM", "*Evidence*"): Column(SEEDS, "stm-evidence", "lstm-contextual"),
        ("STM", "*Evidence, vote*"): Column(SEEDS, "stm-vote-evidence", "lstm-contextual"),
        ("STM", "*Names*"): Column(NAMES, "stm-evidence", "lstm-names"),
        ("STM", "*Names, vote*"): Column(NAMES, "stm-vote-evidence", "lstm-names"),
        ("MTM", "`lstm`"): Column(MEASURED, "mtm", "lstm"),
        ("MTM", "`metalstm`"): Column(MEASURED, "mtm", "metalstm"),
        ("MTM-plus", "*Evidence*"): Column(SEEDS, "mtm-plus-evidence", "lstm-contextual"),
        ("MTM-plus", "*Evidence, vote*"): Column(SEEDS, "mtm-plus-vote-evidence", "lstm-contextual"),
        ("MTM-plus", "*Names*"): Column(NAMES, "mtm-plus-evidence", "lstm-names"),
        ("MTM-plus", "*Names, vote*"): Column(NAMES, "mtm-plus-vote-evidence", "lstm-names"),
    },
    ("README.md", "### From public text alone", 0): {
        ("STM", "*Names*"): Column(PUBLIC, "stm-evidence", "lstm-names"),
        ("STM", "*Names, vote*"): Column(PUBLIC, "stm-vote-evidence", "lstm-names"),
        ("MTM-plus", "*Names*"): Column(PUBLIC, "mtm-plus-evidence", "lstm-names"),
    },
    ("docs/results.md", "## Every model", 1): {
        (shown, CELLS_SHOWN[column.cell]): column
        for shown, setting, cells in (
            ("STM", "stm", ["lstm", "metalstm", "lstm-contextual", "lstm-2-contextual"]),
            ("STM vote", "stm-vote", ["lstm", "metalstm", "lstm-contextual"]),
            ("MTM", "mtm", ["lstm", "metalstm", "lstm-contextual"]),
            ("MTM vote", "mtm-vote", ["lstm", "metalstm", "lstm-contextual"]),
            ("MTM-plus", "mtm-plus", ["lstm", "lstm-contextual"]),
        )
        for column in (Column(MEASURED, setting, cell) for cell in cells)
    },
}


@pytest.mark.parametrize(("file", "heading", "number"), SUMMARIES)
def test_a_summary_counts_the_rows_at_or_above_the_study(file: str, heading: str, number: int) -> None:
    models = SUMMARIES[file, heading, number]
    table = table_below(file, heading, number)
    assert [(model, columns) for model, columns, *_ in table] == list(models)
    for model, (*_, count, mean) in zip(models.values(), table, strict=True):
        rows = measured(model.folder).items()
        deltas = [float(row["delta"]) for place, row in rows if place[1:] == (model.setting, model.cell)]
        assert count == f"{sum(delta >= 0 for delta in deltas)} of {len(deltas)}", model
        assert mean == f"{statistics.fmean(deltas):+.2f}".replace("-", "\u2212"), model


BESIDE_THE_RECORD = [
    *columns(FIVE, "stm-evidence lstm-contextual-medium, stm-vote-evidence lstm-contextual-medium"),
    *columns(SEEDS_WITH_DEVEL, "stm-evidence lstm-contextual, stm-vote-evidence lstm-contextual"),
    *columns(SEEDS_WITH_DEVEL, "mtm-plus-evidence lstm-contextual, mtm-plus-vote-evidence lstm-contextual"),
    *columns(NAMES_WITH_DEVEL, "stm-evidence lstm-names, stm-vote-evidence lstm-names"),
]


def test_the_table_beside_the_record_has_the_measured_figures_bold_from_the_record_on() -> None:
    table = table_below("docs/results.md", "### Beside the record of BiLSTMs")
    assert sorted(corpus for corpus, *_ in table) == sorted({corpus for corpus, *_ in measured(FIVE)})
    for corpus, *figures, record, _ in table:
        for shown, column in zip(figures, BESIDE_THE_RECORD, strict=True):
            figure = expected(corpus, column).strip("*")
            assert shown == (f"**{figure}**" if figure and float(figure) >= float(record) else figure), corpus


CELLS = {
    "## Every cell": ["BioNLP13CG-cc", "BioNLP13PC-cc", "CRAFT-cc", "BioNLP13CG-cell", "CRAFT-cell"],
    "The same on the disease group:": ["BC5CDR-disease", "NCBI-disease"],
}
SLOWER = "`metarnn`, a quarter of the rate"


@pytest.mark.parametrize("heading", CELLS)
def test_the_tables_of_cells_have_the_measured_figures(heading: str) -> None:
    table = table_below("docs/results.md", heading)
    rows = measured(MEASURED)
    run = [f"`{cell}`" for cell in REGISTRY if any((corpus, "stm", cell) in rows for corpus in CELLS[heading])]
    assert sorted(name for name, *_ in table) == sorted([*run, SLOWER])
    for name, *figures in table:
        folder, cell = (METARNN, "metarnn-quarter") if name == SLOWER else (MEASURED, name.strip("`"))
        places = [Column(folder, setting, cell) for setting in ("stm", "mtm")]
        shown = [expected(corpus, column).strip("*") for corpus in CELLS[heading] for column in places]
        assert figures[: len(shown)] == shown, name


def test_what_all_that_is_kept_took_is_told_as_it_is() -> None:
    paths = (path for path in (ROOT / "results/reference").glob("*/runs/**/seed-*.json"))
    seconds = [json.loads(path.read_text(encoding="utf-8"))["cpu_seconds"] for path in paths]
    trainings, hours = f"{len(seconds):,}", f"{sum(seconds) / 3600:.0f}"
    assert f"{trainings} trainings, took {hours} CPU hours" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| all folders, MNIST too | {trainings} | {hours} |" in (ROOT / "docs/cost.md").read_text(encoding="utf-8")
