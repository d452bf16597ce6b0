"""README's F1 tables against the measured ones that it names: a figure is there as it was measured, or not at all."""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results/reference"

STUDY = "study"
"""In place of a cell: the study's figure for a setting."""


class Shown(NamedTuple):
    """Where the columns of one of README's tables stand among the measured ones."""

    heading: str
    folder: str
    columns: list[tuple[str, str]]
    """Setting and cell of each; of a column of None nothing is known here."""


SHOWN = [
    Shown(
        "## Measured",
        "biomedical",
        [
            ("stm", STUDY),
            ("stm", "lstm"),
            ("stm", "metalstm"),
            ("stm", "lstm-contextual"),
            ("stm", "lstm-2-contextual"),
            ("stm-vote", "lstm"),
            ("mtm", STUDY),
            ("mtm", "lstm"),
            ("mtm", "metalstm"),
            ("mtm", "lstm-contextual"),
            ("mtm-vote", "lstm"),
            ("mtm-plus", "lstm"),
            ("mtm-plus", "lstm-contextual"),
        ],
    ),
]


def measured(folder: str) -> dict[tuple[str, str, str], dict[str, str]]:
    with (REFERENCE / folder / "tables/all.csv").open(encoding="utf-8", newline="") as file:
        return {(row["corpus"], row["setting"], row["cell"]): row for row in csv.DictReader(file)}


def table_below(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE).group().splitlines()  # type: ignore[union-attr]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.folder)
def test_readme_has_the_measured_figures(shown: Shown) -> None:
    found = measured(shown.folder)
    rows = table_below(shown.heading)
    assert {corpus for corpus, *_ in rows} == {corpus for corpus, *_ in found}
    for corpus, *cells in rows:
        assert len(cells) == len(shown.columns)
        for cell, (setting, name) in zip(cells, shown.columns, strict=True):
            if name == STUDY:
                of_study = {row["study_f1"] for place, row in found.items() if place[:2] == (corpus, setting)}
                assert cell == f"{float(of_study.pop()):.2f}"
                continue
            row = found[corpus, setting, name]
            figure = f"{float(row['f1_mean']):.2f}"
            assert cell == (f"**{figure}**" if float(row["delta"]) >= 0 else figure), (corpus, setting, name)
