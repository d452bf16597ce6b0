from pathlib import Path
from typing import Any

import pytest

from metalstm import parameters
from metalstm.plan import study as plan

STUDY: dict[str, Any] = {
    "corpora": ["NCBI-disease", "BC5CDR-disease", "linnaeus", "mine"],
    "groups": {"disease": ["NCBI-disease", "BC5CDR-disease"]},
    "settings": {"per_corpus": ["stm"], "per_group": ["mtm"]},
    "cells": ["lstm", "metalstm"],
    "seeds": [1, 2],
    "images": {"sets": ["MNIST"], "variants": {"lstm": {"cell": "lstm"}}, "seeds": [1], "epochs": 1},
    "own_corpora": {"mine": {"folder": "own", "files": {split: f"{split}.tsv" for split in plan.SPLITS}}},
}


@pytest.fixture
def ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/train.tsv").write_text("a\tO\n\n")
    return plan.priorities(plan.plans(parameters.validate(STUDY, Path("params.yaml"))))


def test_the_longest_trainings_come_first(ranks: dict[str, int]) -> None:
    order = [
        "train/mtm/disease/metalstm/seed-1",
        "train/stm/linnaeus/metalstm/seed-1",
        "train/stm/linnaeus/lstm/seed-1",
        "train/stm/NCBI-disease/lstm/seed-1",
        "train/stm/BC5CDR-disease/lstm/seed-1",
        "train/stm/mine/lstm/seed-1",
    ]
    assert [ranks[job] for job in order] == sorted((ranks[job] for job in order), reverse=True)
    assert len({ranks[job] for job in order}) == len(order)
    assert ranks["train/stm/mine/lstm/seed-1"] == ranks["train/stm/mine/lstm/seed-2"] == 1
    assert "images/MNIST/lstm/seed-1" in ranks


def test_what_is_no_training_comes_before_all_of_them(ranks: dict[str, int]) -> None:
    trainings = {job: rank for job, rank in ranks.items() if job.split("/")[0] in ("train", "images")}
    others = {rank for job, rank in ranks.items() if job not in trainings}
    assert len(others) == 1
    assert others.pop() > max(trainings.values())


def test_more_epochs_are_reckoned_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    override = {"when": {"scope": "mine"}, "training": {"epochs": 1000}}
    study = parameters.validate({**STUDY, "overrides": [override]}, Path("params.yaml"))
    after = plan.priorities(plan.plans(study))
    trainings = {job: rank for job, rank in after.items() if job.split("/")[0] in ("train", "images")}
    assert max(trainings, key=lambda job: trainings[job]).startswith("train/stm/mine/metalstm")


@pytest.mark.parametrize("network", [{"num_layers": 3}, {"kernels": "off"}])
def test_what_makes_a_network_slow_is_reckoned_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    slow = {"cell": "lstm", "model": network}
    study = parameters.validate(
        {**STUDY, "cells": ["metalstm", "slow"], "variants": {"slow": slow}}, Path("params.yaml")
    )
    after = plan.priorities(plan.plans(study))
    assert after["train/stm/linnaeus/slow/seed-1"] > after["train/stm/linnaeus/metalstm/seed-1"]
