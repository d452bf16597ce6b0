"""What a run's metrics say of names labelled alike nearby."""

import json
from pathlib import Path
from typing import Any

import pytest

from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.stages import reports, score
from metalstm.tables.gather import gather

TOKENS = ["gout", "gout", "mild", "gout", "rate"]
OTHER_TOKENS = ["flu", "flu", "mild", "flu", "rate"]
GOLD = ["S-Disease", "S-Disease", "O", "S-Disease", "O"]
MISSED = ["S-Disease", "S-Disease", "O", "O", "O"]


def write(path: str, *columns: list[str]) -> str:
    """A file with a sentence for each token."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("".join("\t".join(row) + "\n\n" for row in zip(*columns, strict=True)), encoding="utf-8")
    return path


def scored(
    devel_gold: list[str],
    *,
    train_on: str = "train",
    train: list[str] = OTHER_TOKENS,
    evidence: dict[str, list[str]] | None = None,
) -> Any:
    """The metrics of a run that misses an occurrence of a name in devel and in test, where gold has it."""
    gold = {"train": GOLD, "devel": devel_gold, "test": GOLD}
    tokens = dict.fromkeys(gold, TOKENS) | {"train": train}
    files = {split: write(f"data/{split}.tsv", tokens[split], labels) for split, labels in gold.items()}
    for split in ("devel", "test"):
        files[f"mine.{split}"] = write(f"predictions/mine.{split}.tsv", TOKENS, gold[split], MISSED)
    training = {"task_labels_removed": {"mine.devel": 1, "mine.test": 2}, "train_on": train_on, "cpu_seconds": 1.0}
    Path("training.json").write_text(json.dumps(training))
    files["training.json"] = "training.json"
    named = {"setting": "stm", "scope": "mine", "cell": "lstm", "seed": 1, "corpora": ["mine"], "joint": False}
    named |= {"evidence": evidence}
    score.run(Plan("score/stm/mine/lstm/seed-1", files, {"metrics.json": "metrics.json"}, named))
    return json.loads(Path("metrics.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_names_are_labelled_alike_where_devel_gains() -> None:
    metrics = scored(GOLD)
    assert list(metrics) == ["run", "scores", "evidence", "train_on", "cpu_seconds"]
    made, plain = metrics["evidence"]["mine"], metrics["scores"]["mine"]
    assert made["chosen_by"] == "devel"
    assert made["kinds"]["names"] == {"used": True, "devel_gain": pytest.approx(20.0)}
    assert made["kinds"]["abbreviations"] == {"used": False, "devel_gain": 0.0}
    assert [made["scores"][split]["strict"]["f1"] for split in ("devel", "test")] == [100.0, 100.0]
    assert plain["test"]["strict"]["f1"] == pytest.approx(80.0)
    assert {split: scores.keys() for split, scores in made["scores"].items()} == {
        split: scores.keys() for split, scores in plain.items()
    }
    rows = gather([Path("metrics.json")], corpora=["mine"], cells=["lstm"])
    assert [(row.setting, row.cell, row.seeds) for row in rows] == [("stm", "lstm", 1), ("stm-evidence", "lstm", 1)]
    assert [row.f1_mean for row in rows] == pytest.approx([80.0, 100.0])
    assert [row.devel_f1_mean for row in rows] == pytest.approx([80.0, 100.0])


@pytest.mark.parametrize("train_on", ["train", "train+devel"])
def test_names_are_known_from_what_was_learned_from(train_on: str) -> None:
    known: dict[str, list[str]] = {"known": ["mine"], "abbreviations": [], "names": []}
    for train in (TOKENS, OTHER_TOKENS):
        made = scored(GOLD, train_on=train_on, train=train, evidence=known)["evidence"]["mine"]
        is_known = train is TOKENS or "devel" in train_on
        assert made["scores"]["test"]["strict"]["f1"] == pytest.approx(100.0 if is_known else 80.0)
        assert made["kinds"]["known"]["used"]


@pytest.mark.parametrize(("devel_gold", "is_gain"), [(GOLD, True), (MISSED, False)])
def test_known_names_are_labelled_where_devel_gains(devel_gold: list[str], is_gain: bool) -> None:
    made = scored(devel_gold, train=TOKENS)["evidence"]["mine"]
    assert made["kinds"]["known"] == {"used": is_gain, "devel_gain": pytest.approx(20.0 if is_gain else -20.0)}
    assert made["scores"]["test"]["strict"]["f1"] == pytest.approx(100.0 if is_gain else 80.0)
    assert not made["kinds"]["names"]["used"]


@pytest.mark.parametrize(("devel_gold", "train_on"), [(MISSED, "train"), (GOLD, "train+devel")])
def test_predictions_stay_as_they_were_where_devel_loses_or_cannot_tell(devel_gold: list[str], train_on: str) -> None:
    metrics = scored(devel_gold, train_on=train_on)
    made = metrics["evidence"]["mine"]
    assert not any(kind["used"] for kind in made["kinds"].values())
    assert (made["kinds"]["names"]["devel_gain"] > 0) == (train_on != "train")
    assert made["scores"] == metrics["scores"]["mine"]


@pytest.mark.parametrize("train_on", ["train", "train+devel"])
def test_where_params_name_the_corpora_devel_plays_no_part(train_on: str) -> None:
    for corpora in (["mine"], []):
        metrics = scored(MISSED, train_on=train_on, evidence={"known": [], "abbreviations": ["mine"], "names": corpora})
        made = metrics["evidence"]["mine"]
        assert made["chosen_by"] == "params"
        assert made["kinds"]["names"]["used"] == bool(corpora)
        assert made["scores"]["test"]["strict"]["f1"] == pytest.approx(100.0 if corpora else 80.0)
        rows = gather([Path("metrics.json")], corpora=["mine"], cells=["lstm"])
        assert [row.setting for row in rows] == ["stm", "stm-evidence"]


@pytest.mark.parametrize("damaged", ["", "[]", '{"train_on": "train"}'])
def test_a_damaged_record_of_a_training_is_told(damaged: str) -> None:
    Path("training.json").write_text(damaged)
    with pytest.raises(UserError, match=r"^training\.json: not the record of a whole training"):
        reports.training(Path("training.json"), ["task_labels_removed", "train_on"])
