"""What choices are worth: against the first cell, on development files alone."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.tables import choices, csv_file, study
from metalstm.tables.choices import Choice

KEPT = sorted(path.parents[1] for path in Path(__file__).parents[1].glob("results/reference/*/tables/choices.csv"))
CHOSEN: dict[str, Any] = {"corpora": ["A", "B"], "cells": ["lstm", "wide", "deep"], "settings": ["stm", "mtm"]}


def run(
    setting: str, scope: str, cell: str, seed: int, seconds: float, devel: dict[str, float], train_on: str = "train"
) -> dict[str, Any]:
    scores = {
        corpus: {"devel": {"strict": {"f1": f1}}, "test": {"strict": {"f1": 99.0}}} for corpus, f1 in devel.items()
    }
    place = {"setting": setting, "scope": scope, "cell": cell, "seed": seed}
    return {"run": place, "scores": scores, "cpu_seconds": seconds, "train_on": train_on}


RUNS = [
    run("mtm", "both", "wide", 1, 9.0, {"A": 72.0, "B": 62.0}),
    run("mtm", "both", "deep", 1, 6.0, {"A": 72.0, "B": 59.0}),
    run("stm", "A", "wide", 1, 20.0, {"A": 81.0}),
    run("stm", "A", "wide", 2, 40.0, {"A": 78.996}),
    run("stm", "A", "wide", 3, 60.0, {"A": 10.0}),
    run("stm", "A", "lstm", 1, 10.0, {"A": 80.0}),
    run("stm", "A", "lstm", 2, 10.0, {"A": 79.0}),
    run("stm", "B", "deep", 1, 10.0, {"B": 50.0}),
    run("stm", "A", "deep", 1, 5.0, {"A": 79.0}),
    run("stm", "A", "learned-from-devel", 1, 5.0, {"A": 100.0}, train_on="train+devel"),
]


def write(folder: Path, contents: list[Any]) -> list[Path]:
    paths = [folder / f"{number}.json" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(json.dumps(content), encoding="utf-8")
    return paths


@pytest.fixture
def gathered(tmp_path: Path) -> list[Choice]:
    vote = [{"run": {"setting": "stm-vote", "scope": "A", "cell": "lstm", "seeds": [1, 2, 3]}, "scores": {}}]
    return choices.gather(write(tmp_path, [*RUNS, vote]), **CHOSEN)


def test_cells_stand_against_the_first_one_by_pairs_of_corpus_and_seed(gathered: list[Choice]) -> None:
    assert [(choice.setting, choice.cell) for choice in gathered] == [
        ("stm", "lstm"),
        ("stm", "wide"),
        ("stm", "deep"),
        ("mtm", "wide"),
        ("mtm", "deep"),
    ]
    lstm, wide, deep, _, joint = gathered
    assert (lstm.gain, lstm.pairs, lstm.cpu_ratio) == (None, 0, None)
    assert wide.runs == 3
    assert wide.devel_f1_mean == pytest.approx((81.0 + 78.996 + 10.0) / 3)
    assert wide.gain == pytest.approx(0.498), "seed 3 has no partner"
    assert (wide.pairs, wide.not_below) == (2, 1)
    assert wide.cpu_ratio == pytest.approx(3.0)
    assert (deep.corpora, deep.pairs, deep.not_below, deep.gain) == (2, 1, 0, pytest.approx(-1.0))
    assert deep.cpu_ratio == pytest.approx(0.5)
    assert (joint.runs, joint.pairs, joint.not_below, joint.gain) == (1, 2, 1, pytest.approx(-1.5))


def test_order_of_files_does_not_matter(gathered: list[Choice], tmp_path: Path) -> None:
    assert choices.gather(write(tmp_path, RUNS[::-1]), **CHOSEN) == gathered


def test_the_csv_reads_back(gathered: list[Choice], tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_text(csv_file.text(gathered, Choice, ".17g"), encoding="utf-8")
    assert csv_file.read(path, Choice) == gathered


def test_page_and_terminal_show_the_same(gathered: list[Choice], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    output = io.StringIO()
    choices.terminal(gathered, file=output)
    for text in (choices.page("Choices", gathered), output.getvalue()):
        [wide] = [line for line in text.splitlines() if "STM" in line and "MTM" not in line and "wide" in line]
        assert " ".join(wide.replace("|", " ").split()) == "STM wide 3 1 56.67 +0.50 1 of 2 40 3.00"


def test_a_file_that_no_run_wrote_is_named(tmp_path: Path) -> None:
    broken = {"run": {"setting": "stm", "cell": "lstm"}, "cpu_seconds": 1.0}
    with pytest.raises(UserError, match=r"0\.json: not a run's metrics"):
        choices.gather(write(tmp_path, [broken]), **CHOSEN)


def test_where_nothing_was_judged_the_page_says_so(tmp_path: Path) -> None:
    learned = [content for content in RUNS if content["train_on"] != "train"]
    found = choices.gather(write(tmp_path, learned), **CHOSEN)
    assert found == []
    assert "No training was judged" in choices.page("Choices", found)


def test_corpora_that_are_not_named_do_not_count(tmp_path: Path) -> None:
    found = choices.gather(write(tmp_path, RUNS), **(CHOSEN | {"corpora": ["B"]}))
    assert {choice.setting: choice.corpora for choice in found} == {"stm": 1, "mtm": 1}
    assert [choice.cell for choice in found] == ["deep", "wide", "deep"]


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_what_is_kept_is_what_the_runs_say(folder: Path) -> None:
    names = study.read(folder / "params.yaml")
    chosen = {"corpora": names.corpora, "cells": names.cells, "settings": names.all_settings}
    found = choices.gather(sorted((folder / "runs").rglob("*.json")), **chosen)
    assert (folder / "tables/choices.csv").read_text("utf-8") == csv_file.text(found, Choice)
    assert (folder / "tables/choices.md").read_text("utf-8").splitlines()[2:] == choices.page("", found).splitlines()[
        2:
    ]
