import io
import json
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.scoring import errors as scoring
from metalstm.scoring.scores import Labels, evaluate
from metalstm.tables import csv_file, errors, pages

TOKENS = [["gout"], ["lung", "cancer"], ["mild", "asthma"], ["flu"]]
GOLD = [["S-Disease"], ["B-Disease", "E-Disease"], ["O", "S-Disease"], ["O"]]
FIRST = [["O"], ["S-Disease", "O"], ["O", "S-Disease"], ["S-Disease"]]
SECOND = [["O"], ["B-Disease", "E-Disease"], ["O", "S-Disease"], ["O"]]
EARLIER = ([["flu"]], [["S-Disease"]])
CHOSEN: dict[str, Any] = {"corpora": ["mine", "other"], "cells": ["lstm"], "settings": ["stm", "mtm"]}


def write_run(
    folder: Path, setting: str, corpus: str, seed: int, predicted: Labels, *, gold: Labels = GOLD, counted: bool = True
) -> Path:
    found = scoring.find(TOKENS, gold, predicted)
    counts = scoring.count(found, scoring.earlier(scoring.forms(found), *EARLIER))
    test = evaluate(gold, predicted).as_dict() | ({"errors": counts} if counted else {})
    run = {"setting": setting, "scope": corpus, "cell": "lstm", "seed": seed, "corpora": [corpus]}
    path = folder / f"{setting}-{corpus}-{seed}.json"
    path.write_text(json.dumps({"run": run, "scores": {corpus: {"test": test}}}))
    return path


@pytest.fixture
def metrics(tmp_path: Path) -> list[Path]:
    return [
        write_run(tmp_path, "stm", "mine", 1, FIRST),
        write_run(tmp_path, "stm", "mine", 2, SECOND),
        write_run(tmp_path, "stm", "other", 1, GOLD, counted=False),
        write_run(tmp_path, "mtm", "mine", 1, GOLD),
    ]


def test_shares_are_of_the_errors_of_all_seeds(metrics: list[Path]) -> None:
    [row, perfect], left_out = errors.gather(metrics, **CHOSEN)
    assert left_out == [("other", "stm", "lstm")]
    assert (row.corpus, row.setting, row.cell, row.seeds, row.n_test_entities) == ("mine", "stm", "lstm", 2, 3)
    assert (row.not_found, row.unseen, row.missed_in_five_names) == (1.5, 100.0, 100.0)
    assert (row.boundary, row.missed) == pytest.approx((100 / 3, 200 / 3))
    assert (row.not_gold, row.predicted_boundary, row.invented) == (1.0, 50.0, 50.0)
    assert row.invented_annotated_earlier == 50.0
    assert (row.type, row.boundary_and_type, row.predicted_type, row.predicted_boundary_and_type) == (None,) * 4
    assert (perfect.setting, perfect.f1_mean, perfect.not_found) == ("mtm", 100.0, 0.0)
    assert (perfect.missed, perfect.invented, perfect.missed_in_five_names) == (None,) * 3


def test_types_are_told_apart_where_there_are_two(tmp_path: Path) -> None:
    predicted = [["S-Sign"], *GOLD[1:]]
    [row], _ = errors.gather([write_run(tmp_path, "stm", "mine", 1, predicted)], **CHOSEN)
    assert (row.type, row.boundary_and_type, row.predicted_type) == (100.0, 0.0, 100.0)


def test_the_csv_reads_back(metrics: list[Path], tmp_path: Path) -> None:
    rows, _ = errors.gather(metrics[1:], **CHOSEN)
    path = tmp_path / "errors.csv"
    path.write_text(csv_file.text(rows, errors.Errors), encoding="utf-8")
    assert csv_file.read(path, errors.Errors) == rows
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="not a table with the columns group, corpus"):
        csv_file.read(path, errors.Errors)


def test_page_and_terminal_show_the_rows_and_say_what_is_left_out(metrics: list[Path]) -> None:
    rows, left_out = errors.gather(metrics, **CHOSEN)
    output = io.StringIO()
    errors.terminal(rows, file=output)
    page = errors.page("Errors", rows, left_out)
    assert "Left out, scored before errors were counted: STM lstm: other." in page
    for text in (page, output.getvalue()):
        [line] = [line for line in text.splitlines() if "mine" in line and "STM" in line]
        assert line.replace("|", " ").split() == [
            *("mine", "–", "STM", "lstm", "2", f"{rows[0].f1_mean:.2f}", "3", "2", "100", "33", "–", "–", "67", "0"),
            *("100", "1", "50", "–", "–", "50", "50"),
        ]


def test_runs_that_were_all_scored_before_still_make_a_page(tmp_path: Path) -> None:
    metrics = [write_run(tmp_path, "stm", "mine", 1, GOLD, counted=False)]
    pages.write(pages.ALL, metrics, tmp_path, **CHOSEN)
    assert csv_file.read(tmp_path / "errors.csv", errors.Errors) == []
    assert "Left out" in (tmp_path / "errors.md").read_text("utf-8")


def test_a_table_without_rows_is_shown_without_them() -> None:
    output = io.StringIO()
    errors.terminal([], file=output)
    assert "Corpus" in output.getvalue()
