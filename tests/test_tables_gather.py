import csv
import json
from pathlib import Path

import numpy as np
import pytest

from metalstm.errors import UserError
from metalstm.scoring import record
from metalstm.scoring.scores import evaluate
from metalstm.scoring.significance import bootstrap_interval, randomisation_test, sentence_counts
from metalstm.tables import csv_file
from metalstm.tables.gather import absent, f1_by_corpus, gather
from metalstm.tables.rows import Row

GOLD = [["S-Disease", "O"], ["B-Disease", "E-Disease"], ["O", "S-Disease"]] * 10
WRONG = [["O", "O"]]
COLUMNS = (
    "group,corpus,setting,cell,seeds,f1_mean,f1_sd,precision_mean,recall_mean,study_f1,delta,p_value,n_test_entities"
    ",f1_low,f1_high,p_cell,recall_unseen,devel_f1_mean,gain,gain_cell"
)


def write_run(
    results: Path,
    setting: str,
    scope: str,
    seed: int,
    predicted: dict[str, list[list[str]]],
    cell: str = "lstm",
    *,
    with_counts: bool = True,
) -> Path:
    """A run's metrics.json as the stages write it, as far as tables read it; without counts, an older one."""
    folder = results / "runs" / setting / scope / cell / f"seed-{seed}"
    folder.mkdir(parents=True)
    scores = {}
    for corpus, labels in predicted.items():
        counts = {"sentence_counts": record.write(sentence_counts(GOLD, labels))} if with_counts else {}
        unseen = {"unseen": {"recall": 50.0, "support": 4}}
        test = evaluate(GOLD, labels).as_dict()
        scores[corpus] = {"test": test | unseen | counts, "devel": {"strict": {"f1": 70.0 + seed}}}
    run = {"setting": setting, "scope": scope, "cell": cell, "seed": seed}
    (folder / "metrics.json").write_text(json.dumps({"run": run, "scores": scores, "train_on": "train"}))
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
    single, _, joint = gather(metrics, corpora=["NCBI-disease"], cells=["lstm"], group="disease")
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


def test_intervals_are_of_the_pooled_seeds(metrics: list[Path]) -> None:
    *_, joint = gather(metrics, corpora=["NCBI-disease"], cells=["lstm"], group="disease")
    pooled = np.stack([sentence_counts(GOLD, missed(n)) for n in (0, 1)])
    assert (joint.f1_low, joint.f1_high) == bootstrap_interval(pooled)
    assert joint.f1_low <= joint.f1_mean <= joint.f1_high
    assert (joint.recall_unseen, joint.devel_f1_mean) == (50.0, 71.5)


def test_other_cells_are_tested_against_lstm_by_the_seeds_that_both_have(metrics: list[Path]) -> None:
    rnn, lstm, *_ = gather(metrics, corpora=["NCBI-disease"], cells=["rnn", "lstm"], group="disease")
    first = [sentence_counts(GOLD, missed(n)) for n in (5, 12)]
    assert (rnn.cell, rnn.p_cell) == ("rnn", randomisation_test(*first))
    assert (lstm.cell, lstm.p_cell) == ("lstm", None)
    by_seed = [evaluate(GOLD, missed(n)).as_dict()["strict"]["f1"] for n in (5, 12)]
    assert rnn.gain_cell == pytest.approx(by_seed[0] - by_seed[1])
    assert (rnn.gain, lstm.gain, lstm.gain_cell) == (None, None, None)


def test_another_setting_of_a_group_is_compared_with_stm_and_the_mtm_of_the_study(tmp_path: Path) -> None:
    metrics = [
        write_run(tmp_path, "mtm-plus", "disease", 1, {"NCBI-disease": missed(1)}),
        write_run(tmp_path, "stm", "NCBI-disease", 1, {"NCBI-disease": missed(12)}),
    ]
    wanted = {"corpora": ["NCBI-disease"], "cells": ["lstm"], "settings": ["stm", "mtm", "mtm-plus"]}
    stm, plus = gather(metrics, **wanted)
    assert (stm.setting, plus.setting, plus.group, plus.study_f1) == ("stm", "mtm-plus", "disease", 83.44)
    assert plus.p_value == randomisation_test(*(sentence_counts(GOLD, missed(n)) for n in (1, 12)))
    assert absent([stm, plus], **wanted) == [("NCBI-disease", "mtm", "lstm")]


def test_metrics_without_counts_still_make_a_table(tmp_path: Path) -> None:
    metrics = [
        write_run(tmp_path, "mtm", "disease", 1, {"mine": missed(1)}),
        write_run(tmp_path, "stm", "mine", 1, {"mine": missed(3)}, with_counts=False),
    ]
    stm, mtm = gather(metrics, corpora=["mine"], cells=["lstm"])
    assert (stm.f1_low, mtm.p_value) == (None, None)
    assert mtm.f1_low is not None


def test_a_devel_score_of_what_was_learned_is_left_out(tmp_path: Path) -> None:
    path = write_run(tmp_path, "stm", "mine", 1, {"mine": missed(3)})
    path.write_text(path.read_text().replace('"train_on": "train"', '"train_on": "train+devel"'))
    [row] = gather([path], corpora=["mine"], cells=["lstm"])
    assert row.devel_f1_mean is None


def test_evidence_has_no_row_where_devel_was_learned_from(tmp_path: Path) -> None:
    path = write_run(tmp_path, "stm", "mine", 1, {"mine": missed(3)})
    content = json.loads(path.read_text())
    content["evidence"] = {"mine": {"chosen_by": "devel", "kinds": {}, "scores": content["scores"]["mine"]}}
    settings = {}
    for train_on in ("train", "train+devel"):
        path.write_text(json.dumps(content | {"train_on": train_on}))
        settings[train_on] = [row.setting for row in gather([path], corpora=["mine"], cells=["lstm"])]
    assert settings == {"train": ["stm", "stm-evidence"], "train+devel": ["stm"]}


def test_what_has_no_single_seed_has_rows_of_its_own(tmp_path: Path) -> None:
    metrics = [write_run(tmp_path, "stm", "mine", seed, {"mine": missed(3)}) for seed in (1, 2, 3)]
    content = json.loads(metrics[0].read_text())
    vote, dictionary = json.loads(json.dumps(content)), json.loads(json.dumps(content))
    vote["run"] = {"setting": "stm-vote", "scope": "mine", "cell": "lstm", "seeds": [1, 2, 3]}
    dictionary["run"] = {"setting": "dictionary", "scope": "mine", "cell": "-", "seeds": []}
    for name, runs in (("vote", [vote]), ("dictionary", dictionary)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(runs))
        metrics.append(path)
    rows = gather(metrics, corpora=["mine"], cells=["lstm"])
    assert [(row.setting, row.cell, row.seeds) for row in rows] == [
        ("dictionary", "-", 0),
        ("stm", "lstm", 3),
        ("stm-vote", "lstm", 3),
    ]


def add_evidence(path: Path, corpus: str, labels: list[list[str]]) -> None:
    """Add what a run's metrics.json says of evidence."""
    content = json.loads(path.read_text())
    test = evaluate(GOLD, labels).as_dict() | {"sentence_counts": record.write(sentence_counts(GOLD, labels))}
    scores = {"devel": {"strict": {"f1": 90.0}}, "test": test}
    content["evidence"] = {corpus: {"chosen_by": "devel", "kinds": {"names": {"used": True}}, "scores": scores}}
    path.write_text(json.dumps(content))


def test_predictions_with_evidence_have_rows_of_their_own_and_are_compared_with_each_other(tmp_path: Path) -> None:
    metrics = [
        write_run(tmp_path, "mtm", "disease", 1, {"NCBI-disease": missed(3)}),
        write_run(tmp_path, "stm", "NCBI-disease", 1, {"NCBI-disease": missed(14)}),
        write_run(tmp_path, "stm", "NCBI-disease", 1, {"NCBI-disease": missed(14)}, cell="rnn"),
    ]
    add_evidence(metrics[0], "NCBI-disease", missed(1))
    add_evidence(metrics[1], "NCBI-disease", missed(12))
    rows = gather(metrics, corpora=["NCBI-disease"], cells=["lstm", "rnn"])
    assert [(row.setting, row.cell) for row in rows] == [
        ("stm", "lstm"),
        ("stm", "rnn"),
        ("stm-evidence", "lstm"),
        ("mtm", "lstm"),
        ("mtm-evidence", "lstm"),
    ]
    single, joint = rows[2], rows[4]
    assert (single.seeds, single.devel_f1_mean, single.study_f1, single.p_value) == (1, 90.0, 85.62, None)
    assert (joint.group, joint.study_f1) == ("disease", 83.44)
    assert joint.p_value == randomisation_test(*(sentence_counts(GOLD, missed(n)) for n in (1, 12)))


def test_without_a_group_all_groups_are_shown(metrics: list[Path]) -> None:
    rows = gather(metrics, corpora=["mine"], cells=["lstm"])
    assert [(row.setting, row.group) for row in rows] == [("stm", "disease"), ("mtm", "disease"), ("mtm", "other")]
    assert [row.study_f1 for row in rows] == [None] * 3
    assert list(f1_by_corpus(rows)["mine"]) == ["stm", "mtm", "mtm other"]
    [alone] = gather(metrics[-1:], corpora=["mine"], cells=["lstm"])
    assert (alone.group, alone.f1_sd) == ("", None)


def test_csv(metrics: list[Path]) -> None:
    rows = gather(metrics, corpora=["NCBI-disease", "mine"], cells=["lstm", "rnn"], group="disease")
    text = csv_file.text(rows, Row)
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
    content = json.loads(metrics[0].read_text())
    whole = content["scores"]["mine"]["test"]
    for key, value, words in (
        ("sentence_counts", "no counts", "not the counts of sentences"),
        ("errors", {"gold": {}, "predicted": {}}, "kinds of errors are missing"),
    ):
        content["scores"]["mine"]["test"] = whole | {key: value}
        metrics[0].write_text(json.dumps(content))
        with pytest.raises(UserError, match=rf"metrics\.json: .*{words}"):
            gather(metrics, **wanted)
    content["scores"]["mine"]["test"] = whole | {"strict": whole["strict"] | {"support": 7}}
    metrics[0].write_text(json.dumps(content))
    with pytest.raises(UserError, match="7 or 30 test entities"):
        gather(metrics, **wanted)
    metrics[0].write_text("{}")
    with pytest.raises(UserError, match="not a run's metrics"):
        gather(metrics, **wanted)


def test_a_table_reads_back_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        Row("disease", "NCBI-disease", "mtm", "lstm", 2, 84.5, 0.25, 85.0, 84.0, 83.44, 1.06, 0.0312, 960, 82.0, 86.0),
        Row("", "mine", "stm", "rnn", 1, 50.0, None, 50.0, 50.0, None, None, None, 3),
    ]
    path = tmp_path / "table.csv"
    path.write_text(csv_file.text(rows, Row), encoding="utf-8")
    assert csv_file.read(path, Row) == rows


def test_an_older_table_without_the_last_columns_reads_too(tmp_path: Path) -> None:
    row = Row("", "mine", "stm", "rnn", 1, 50.0, None, 50.0, 50.0, None, None, None, 3)
    path = tmp_path / "table.csv"
    path.write_text(
        "\n".join(line.rsplit(",", 5)[0] for line in csv_file.text([row], Row).splitlines()) + "\n", encoding="utf-8"
    )
    assert csv_file.read(path, Row) == [row]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for content in ("a,b\n1,2\n", "a,b\n", "\n", ""):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match="not a table with the columns group, corpus"):
            csv_file.read(path, Row)
    with pytest.raises(UserError, match="no such table"):
        csv_file.read(tmp_path / "none.csv", Row)
