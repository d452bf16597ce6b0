"""A study in which every tagger reads a language model, through all stages and every setting."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from torch import Tensor

from metalstm.corpora import columns
from metalstm.errors import UserError
from metalstm.nn.batch import Array, Numbered
from metalstm.nn.context import SentenceContext
from metalstm.stages.run import run as run_stage
from test_stages_pipeline import STUDY, make_study, run_all

CONTEXTUAL = {
    "cells": ["contextual"],
    "model": {**STUDY["model"], "tune_words": False},
    # A mean of three equal numbers is not always that number.
    "training": {**STUDY["training"], "averaging": {"last_epochs": 3}, "train_on": "train+devel"},
    "variants": {"contextual": {"cell": "lstm", "model": {"contextual": "small"}}},
    "language_models": {"small": {"hidden_size": 6, "size": 5, "negative": 10, "batch_size": 4}},
}
MODEL = Path("data/vectors/language_models/small.safetensors")


def contextual_with(**model: Any) -> dict[str, Any]:
    return CONTEXTUAL | {"variants": {"contextual": {"cell": "lstm", "model": {"contextual": "small", **model}}}}


POOLED = contextual_with(pooling_window=2)
NAMED = contextual_with(gazetteers=["ills", "drugs"]) | {"gazetteers": {"ills": ["ills.txt"], "drugs": ["drugs.txt"]}}


@pytest.fixture(params=[CONTEXTUAL, POOLED, NAMED], ids=["alone", "pooled", "with lists of names"])
def chosen(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = request.param
    return options


@pytest.fixture
def inside(chosen: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _made(tmp_path / "study", chosen, monkeypatch)


def _made(folder: Path, chosen: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_study(folder, **chosen))
    Path("ills.txt").write_text("asthma fever\ngouts\n", "utf-8")
    Path("drugs.txt").write_text("case\n", "utf-8")
    run_all()
    return folder


def test_a_run_folder_alone_tags_as_its_training_did(inside: Path, tmp_path: Path) -> None:
    shutil.move("results/runs", tmp_path / "moved")
    expected = json.loads(MODEL.with_suffix(".json").read_text("utf-8"))
    assert expected["tokens"] > 0
    shutil.rmtree("data/vectors")
    for run, names in {"stm/ills": [], "mtm/both": ["--corpus", "ills"], "mtm-plus/both": ["--corpus", "ills"]}.items():
        folder = tmp_path / "moved" / run / "contextual" / "seed-1"
        command = [sys.executable, "-m", "metalstm", "tag", "--model", str(folder), *names]
        subprocess.run([*command, "--tokens", "data/iobes/ills/test.tsv", "--out", "tagged.tsv"], check=True)
        predicted = columns.read(folder / "predictions/ills.test.tsv")
        assert [one.labels for one in columns.read(Path("tagged.tsv"))] == [one.labels for one in predicted], run


def test_the_same_study_gives_the_same_bytes(
    chosen: dict[str, Any], inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(tmp_path / "again", chosen, monkeypatch)
    paths = [MODEL, *sorted(Path("results/runs").rglob("*.safetensors"))]
    assert len(paths) == 1 + 2 + 1 + 1 + 2
    for path in paths:
        assert path.read_bytes() == (inside / path).read_bytes(), path


def test_what_was_learned_of_the_text_is_left_as_it_was(inside: Path) -> None:
    learned = load_file(MODEL)
    for path in Path("results/runs").rglob("model.safetensors"):
        weights = load_file(path)
        for name, value in learned.items():
            assert (weights[f"context.vectors.{name}"] == value).all(), (path, name)


def test_a_training_reads_what_was_computed_once_for_the_corpus(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compute(_: SentenceContext, __: Numbered, rows: list[int], ___: Tensor) -> list[Array]:
        assert not rows
        return []

    monkeypatch.setattr(SentenceContext, "compute", compute)
    for run in ("stm/ills", "mtm/both", "mtm-plus/both"):
        folder = Path("results/runs", run, "contextual/seed-1")
        before = (folder / "history.csv").read_text("utf-8").split(",")[1:3]
        (folder / "model.safetensors").unlink()
        assert run_stage("train", Path("results/plan/train", run, "contextual/seed-1.json"))
        assert (folder / "history.csv").read_text("utf-8").split(",")[1:3] == before


def test_damaged_features_are_told(inside: Path) -> None:
    Path("data/vectors/contextual/small/ills.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"ills\.safetensors: not the features of a corpus"):
        run_stage("train", Path("results/plan/train/stm/ills/contextual/seed-1.json"))


def test_a_damaged_language_model_is_told(inside: Path) -> None:
    MODEL.write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"small\.safetensors: not a language model"):
        run_stage("train", Path("results/plan/train/stm/ills/contextual/seed-1.json"))
