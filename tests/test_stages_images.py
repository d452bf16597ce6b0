"""Fetch, train and table of a small set of images of one's own, through plans as both engines run them."""

import json
import os
from pathlib import Path

import pytest

import idx
from metalstm import tracking
from metalstm.corpora import images
from metalstm.errors import UserError
from metalstm.nn import rows as classifiers
from metalstm.plan import study as planning
from metalstm.stages import run as stage
from metalstm.studies import rows
from metalstm.tracking import store

RUN = Path("results/runs/images/bars/study/seed-1")


def make_study(folder: Path, **changes: object) -> None:
    names = idx.write_set(folder / "own")
    chosen = {
        "sets": ["bars"],
        "variants": {
            "lstm": {"cell": "lstm"},
            "study": {"cell": "metalstm", "options": {"hyper_size": 4, "embedding_size": 3, "start": "study"}},
        },
        "seeds": [1],
        "hidden_size": 8,
        "num_layers": 1,
        "epochs": 2,
        "batch_size": 10,
        "optimiser": {"name": "adam", "learning_rate": 0.02},
        "devel_images": 60,
        **changes,
    }
    study = {
        "corpora": ["linnaeus"],
        "groups": {},
        "settings": {"per_corpus": [], "per_group": []},
        "cells": ["lstm"],
        "seeds": [1],
        "images": chosen,
        "own_corpora": {"bars": {"kind": "images", "folder": "own", "files": names}},
        "tracking": {"enabled": False},
    }
    (folder / "params.yaml").write_text(json.dumps(study), encoding="utf-8")


def jobs() -> list[planning.Plan]:
    plans = planning.write(Path("params.yaml"))[1]
    return [plan for plan in plans.values() if "bars" in plan.job]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    make_study(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for job in jobs():
            stage.run(job.stage, job.path)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def inside(study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(study)
    return study


def test_every_declared_output_is_there_and_nothing_is_left_to_do(inside: Path) -> None:
    assert [job.job for job in jobs()] == [
        *("fetch/bars", "images/bars/lstm/seed-1", "images/bars/study/seed-1", "accuracy/bars")
    ]
    for job in jobs():
        assert all(Path(path).is_file() for path in job.outputs.values())
        assert not stage.run(job.stage, job.path), job.job
    assert not (RUN / "checkpoint.pt").exists()


def test_the_metrics_are_those_of_the_saved_model(inside: Path) -> None:
    metrics = json.loads((RUN / "metrics.json").read_text("utf-8"))
    model = classifiers.load(RUN / "model.safetensors")
    test = images.read(Path("data/raw/bars/test-images.idx.gz"), Path("data/raw/bars/test-labels.idx.gz"))
    assert metrics["scores"]["bars"]["test"]["accuracy"] == rows.accuracy(model, test)
    assert metrics["scores"]["bars"]["devel"]["images"] == 60
    assert metrics["run"] == {"setting": "images", "scope": "bars", "variant": "study", "cell": "metalstm", "seed": 1}
    assert metrics["start"]["scale_sd"] > 0.0
    assert {"torch", "numpy", "python"} <= metrics["versions"].keys()
    assert metrics["plan"]["options"]["epochs"] == metrics["epochs"] == 2


def test_the_table_has_a_row_for_each_variant(inside: Path) -> None:
    accuracies = json.loads(Path("results/tables/bars.json").read_text("utf-8"))
    assert list(accuracies["bars"]) == ["lstm", "study"]
    assert accuracies["bars"]["lstm"] > 95.0
    assert "| study" in Path("results/tables/bars.md").read_text("utf-8")
    assert Path("results/tables/bars.svg").read_text("utf-8").startswith("<?xml")


def test_a_run_is_watched_live_and_completed_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "_off", False)
    make_study(tmp_path, epochs=1, variants={"vanilla": {"cell": "rnn"}})
    params = json.loads((tmp_path / "params.yaml").read_text("utf-8"))
    params["tracking"] = {"uri": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for job in jobs():
        stage.run(job.stage, job.path)
    client = store.client(params["tracking"]["uri"])
    experiment = client.get_experiment_by_name("bars").experiment_id
    [run] = store.runs(client, experiment, "images/bars/vanilla/seed-1")
    assert (run.data.tags["variant"], run.data.tags["cell"]) == ("vanilla", "rnn")
    assert run.info.status == "FINISHED"
    metrics = json.loads(Path("results/runs/images/bars/vanilla/seed-1/metrics.json").read_text("utf-8"))
    assert run.data.metrics["test/bars/accuracy"] == metrics["scores"]["bars"]["test"]["accuracy"]
    assert tracking.send_all(Path("results"), params["tracking"]["uri"]) == tracking.Counts(unchanged=1)
    assert len(client.get_metric_history(run.info.run_id, "devel_accuracy")) == 1


def test_too_few_images_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path, devel_images=300)
    fetch, train, *_ = jobs()
    stage.run("fetch", fetch.path)
    with pytest.raises(UserError, match=r"300 images, and images\.devel_images takes 300 of them"):
        stage.run("images", train.path)


def test_a_set_of_images_needs_its_four_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path)
    params = (tmp_path / "params.yaml").read_text("utf-8").replace('"test-labels"', '"labels"')
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    with pytest.raises(UserError, match="names train-images, train-labels, test-images, test-labels"):
        jobs()
