import csv
import json
from pathlib import Path

import numpy as np
import pytest

from metalstm.errors import UserError
from metalstm.scoring.scores import evaluate
from metalstm.scoring.significance import randomisation_test, sentence_counts
from metalstm.tables.gather import Row, absent, as_csv, f1_by_corpus, gather, read_csv

GOLD = [["S-Disease", "O"], ["B-Disease", "E-Disease"], ["O", "S-Disease"]] * 10
WRONG = [["O", "O"]]
COLUMNS = (
    "group,corpus,setting,cell,seeds,f1_mean,f1_sd,precision_mean,recall_mean,study_f1,delta,p_value,n_test_entities"
)


def write_run(
    results: Path, setting: str, scope: str, seed: int, predicted: dict[str, list[list[str]]], cell: str = "lstm"
) -> Path:
    """A run's metrics.json and predictions, as the stages write them."""
    folder = results / "runs" / setting / scope / cell / f"seed-{seed}"
    (folder / "predictions").mkdir(parents=True)
    for corpus, labels in predicted.items():
        text = ""
        for gold, found in zip(GOLD, labels, strict=True):
            text += "".join(f"word\u2028\t{true}\t{tag}\n" for true, tag in zip(gold, found, strict=True)) + "\n"
        (folder / "predictions" / f"{corpus}.test.tsv").write_text(text, encoding="utf-8")
    scores = {corpus: {"test": evaluate(GOLD, labels).as_dict()} for corpus, labels in predicted.items()}
    run = {"setting": setting, "scope": scope, "cell": cell, "seed": seed}
    (folder / "metrics.json").write_text(json.dumps({"run": run, "scores": scores}))
    return folder / "metrics.json"


def missed(count: int) -> list[list[str]]:
    """Predictions that are right but for the first sentences."""
    return WRONG * count + GOLD[count:]


@pytest.fixture
def metrics(tmp_path: Path) -> list[Path]:
    return [
        write_run(tmp_path, "mtm", "disease", 1, {"NCBI-disease": missed(0), "mine": missed(3)}),
        write_run(tmp_path, "mtm", "disease", 2, {"NCBI-disease": missed(1), "mine": missed(3)}),
        write_run(tmp_path, "mtm", "other", 1, {"mine": missed(2)}),
        write_run(tmp_path, "stm", "NCBI-disease", 1, {"NCBI-disease": missed(12)}),
        write_run(tmp_path, "stm", "NCBI-disease", 2, {"NCBI-disease": missed(14)}),
        write_run(tmp_path, "stm", "NCBI-disease", 1, {"NCBI-disease": missed(5)}, cell="rnn"),
        write_run(tmp_path, "stm", "mine", 1, {"mine": missed(3)}),
    ]


def test_rows_come_in_the_order_asked_for(metrics: list[Path]) -> None:
    wanted = {"corpora": ["mine", "NCBI-disease"], "cells": ["rnn", "lstm"]}
    rows = gather(metrics, **wanted, group="disease")
    assert [(row.corpus, row.setting, row.cell, row.group) for row in rows] == [
        ("mine", "stm", "lstm", "disease"),
        ("mine", "mtm", "lstm", "disease"),
        ("NCBI-disease", "stm", "rnn", "disease"),
        ("NCBI-disease", "stm", "lstm", "disease"),
        ("NCBI-disease", "mtm", "lstm", "disease"),
    ]
    assert gather(metrics[::-1], **wanted, group="disease") == rows
    assert absent(rows, **wanted) == [("mine", "stm", "rnn"), ("mine", "mtm", "rnn"), ("NCBI-disease", "mtm", "rnn")]


def test_means_and_deviations_over_seeds(metrics: list[Path]) -> None:
    single, joint = gather(metrics, corpora=["NCBI-disease"], cells=["lstm"], group="disease")
    f1 = [100 * 2 * right / (30 + right) for right in (30, 29)]
    assert (joint.seeds, joint.n_test_entities) == (2, 30)
    assert joint.f1_mean == pytest.approx(sum(f1) / 2)
    assert joint.f1_sd == pytest.approx((f1[0] - f1[1]) / 2**0.5)
    assert joint.precision_mean == pytest.approx(100)
    assert joint.recall_mean == pytest.approx(100 * 29.5 / 30)
    assert joint.study_f1 == 83.44
    assert joint.delta == pytest.approx(joint.f1_mean - 83.44)
    assert (single.study_f1, single.p_value) == (85.62, None)


def test_p_values_are_of_paired_randomisation_over_pooled_seeds(metrics: list[Path]) -> None:
    *_, different = gather(metrics, corpora=["NCBI-disease"], cells=["lstm"], group="disease")
    *_, alike = gather(metrics, corpora=["mine"], cells=["lstm"], group="disease")
    counts = [np.stack([sentence_counts(GOLD, missed(n)) for n in seeds]) for seeds in ((0, 1), (12, 14))]
    assert different.p_value == randomisation_test(*counts)
    assert different.p_value < 0.01
    assert alike.p_value == 1.0


def test_without_a_group_all_groups_are_shown(metrics: list[Path]) -> None:
    rows = gather(metrics, corpora=["mine"], cells=["lstm"])
    assert [(row.setting, row.group) for row in rows] == [("stm", "disease"), ("mtm", "disease"), ("mtm", "other")]
    assert [row.study_f1 for row in rows] == [None] * 3
    assert list(f1_by_corpus(rows)["mine"]) == ["stm", "mtm", "mtm other"]
    [alone] = gather(metrics[-1:], corpora=["mine"], cells=["lstm"])
    assert (alone.group, alone.f1_sd) == ("", None)


def test_csv(metrics: list[Path]) -> None:
    rows = gather(metrics, corpora=["NCBI-disease", "mine"], cells=["lstm", "rnn"], group="disease")
    text = as_csv(rows)
    assert text.split("\n")[0] == COLUMNS
    read = list(csv.DictReader(text.splitlines()))
    assert [float(row["f1_mean"]) for row in read] == pytest.approx([row.f1_mean for row in rows], abs=1e-4)
    assert (read[0]["p_value"], read[0]["seeds"]) == ("", "2")
    assert f1_by_corpus(rows)["NCBI-disease"]["mtm"] == {"lstm": round(rows[2].f1_mean, 2)}


def test_mistakes_are_named(metrics: list[Path], tmp_path: Path) -> None:
    wanted = {"corpora": ["NCBI-disease", "mine"], "cells": ["lstm"], "group": "disease"}
    with pytest.raises(UserError, match="named before"):
        gather([*metrics, metrics[0]], **wanted)
    with pytest.raises(UserError, match=r"nothing\.json: no such file"):
        gather([tmp_path / "nothing.json"], **wanted)
    prediction = metrics[0].parent / "predictions" / "mine.test.tsv"
    prediction.write_text("word\tO\n")
    with pytest.raises(UserError, match=r"mine\.test\.tsv:1: expected token, gold and predicted"):
        gather(metrics, **wanted)
    prediction.unlink()
    with pytest.raises(UserError, match=r"mine\.test\.tsv: no such file"):
        gather(metrics, **wanted)
    content = json.loads(metrics[0].read_text())
    content["scores"]["mine"]["test"]["strict"]["support"] = 7
    metrics[0].write_text(json.dumps(content))
    with pytest.raises(UserError, match="7 or 30 test entities"):
        gather(metrics, **wanted)
    metrics[0].write_text("[]")
    with pytest.raises(UserError, match="not a run's metrics"):
        gather(metrics, **wanted)


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        Row("disease", "NCBI-disease", "mtm", "lstm", 2, 84.5, 0.25, 85.0, 84.0, 83.44, 1.06, 0.0312, 960),
        Row("", "mine", "stm", "rnn", 1, 50.0, None, 50.0, 50.0, None, None, None, 3),
    ]
    path = tmp_path / "table.csv"
    path.write_text(as_csv(rows), encoding="utf-8")
    assert read_csv(path) == rows


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a table with the columns group, corpus"):
        read_csv(path)
    with pytest.raises(UserError, match="no such table"):
        read_csv(tmp_path / "none.csv")
