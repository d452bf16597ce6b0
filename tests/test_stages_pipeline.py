"""All stages, one after the other, on two corpora of a few sentences: what each must leave behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from metalstm import plan as planning
from metalstm.corpora import columns
from metalstm.errors import UserError
from metalstm.stages import run as stage

DISEASES = ["asthma", "gout", "mumps", "lupus", "rabies", "scurvy", "anthrax", "malaria"]
STUDY = {
    "corpora": ["ills", "other"],
    "groups": {"both": ["ills", "other"]},
    "settings": {"per_corpus": ["stm"], "per_group": ["mtm"]},
    "images": {"sets": []},
    "cells": ["lstm"],
    "seeds": [1],
    "model": {"hidden_size": 10, "characters": {"size": 6, "embedding_size": 5}},
    "training": {"epochs": 3, "optimiser": {"name": "adamw", "learning_rate": 0.02}},
    "vectors": {"corpora": ["ills", "other"], "size": 8, "epochs": 1, "min_count": 1},
    "own_corpora": {
        name: {"folder": f"own/{name}", "files": {split: f"{split}.tsv" for split in planning.SPLITS}}
        for name in ("ills", "other")
    },
    "tracking": {"enabled": False},
}


def make_study(folder: Path, **changes: object) -> Path:
    for name, kind in (("ills", "Disease"), ("other", "Illness")):
        for number, split in enumerate(planning.SPLITS):
            names = DISEASES[number:] + DISEASES[:number]
            text = "".join(
                f"A\tO\ncase\tO\nof\tO\n{one}\tB-{kind}\nfever\tI-{kind}\n.\tO\n\nNo\tO\n{one}\tB-{kind}\n\n"
                for one in names
            )
            path = folder / "own" / name / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    (folder / "params.yaml").write_text(json.dumps({**STUDY, **changes}), encoding="utf-8")
    return folder


def run_all(params: Path = Path("params.yaml")) -> dict[str, planning.Plan]:
    """Every job in the order of the plans, which is one in which inputs come first."""
    _, plans = planning.write(params)
    for job in plans.values():
        stage.run(job.stage, job.path)
    return plans


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_study(tmp_path_factory.mktemp("study"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        run_all()
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def inside(study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(study)
    return study


def test_every_declared_output_is_there(inside: Path) -> None:
    for job in planning.write(Path("params.yaml"))[1].values():
        for path in job.outputs.values():
            assert Path(path).is_file(), path


def test_nothing_is_left_to_do(inside: Path) -> None:
    for job in planning.write(Path("params.yaml"))[1].values():
        assert not stage.run(job.stage, job.path), job.job


def test_nothing_unfinished_lies_about(inside: Path) -> None:
    left = [path for path in Path().rglob("*") if path.is_file() and path.name.startswith(f".{os.getpid()}.")]
    assert left == []
    assert list(Path("results/runs").rglob("checkpoint.pt")) == []


@pytest.mark.parametrize(
    ("setting", "scope", "corpora"), [("stm", "ills", ["ills"]), ("mtm", "both", ["ills", "other"])]
)
def test_metrics_hold_what_others_rely_on(inside: Path, setting: str, scope: str, corpora: list[str]) -> None:
    metrics = json.loads(Path(f"results/runs/{setting}/{scope}/lstm/seed-1/metrics.json").read_text("utf-8"))
    assert metrics["run"] == {"setting": setting, "scope": scope, "cell": "lstm", "seed": 1, "corpora": corpora}
    assert list(metrics["scores"]) == corpora
    for scores in metrics["scores"].values():
        for split in ("devel", "test"):
            for reading in ("strict", "conlleval", "study"):
                assert {"precision", "recall", "f1", "support", "by_type"} <= scores[split][reading].keys()
            assert scores[split]["strict"]["support"] == 16
            assert scores[split]["seen"]["support"] + scores[split]["unseen"]["support"] == 16
            assert scores[split]["sentences"] == 16
            assert scores[split]["task_labels_removed"] >= 0
    for key in ("best_epoch", "wall_seconds", "cpu_seconds", "tokens_per_second", "peak_memory_mb", "parameters"):
        assert metrics[key] > 0
    assert metrics["train_on"] == "train"
    assert metrics["versions"]["torch"]
    assert metrics["plan"]["code"]


def test_predictions_are_of_every_sentence_and_without_tags(inside: Path) -> None:
    for corpus in ("ills", "other"):
        gold = columns.read(Path(f"data/iobes/{corpus}/test.tsv"))
        for run in (f"stm/{corpus}", "mtm/both"):
            path = Path(f"results/runs/{run}/lstm/seed-1/predictions/{corpus}.test.tsv")
            assert [s.tokens for s in columns.read(path)] == [s.tokens for s in gold]
            assert [s.labels for s in columns.read(path, label=1)] == [s.labels for s in gold]


def test_the_table_has_a_row_for_each_setting_and_corpus(inside: Path) -> None:
    lines = Path("results/tables/both.csv").read_text("utf-8").strip().split("\n")
    assert [line.split(",")[1:3] for line in lines[1:]] == [
        ["ills", "stm"],
        ["ills", "mtm"],
        ["other", "stm"],
        ["other", "mtm"],
    ]


def test_the_same_study_gives_the_same_numbers(inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    run_all()
    for path in ("data/vectors/words.bin", "results/tables/all.csv", *map(str, Path("results/runs").rglob("*.tsv"))):
        assert Path(path).read_bytes() == (inside / path).read_bytes(), path
    for path in map(str, Path("results/runs").rglob("model.safetensors")):
        assert Path(path).read_bytes() == (inside / path).read_bytes(), path


def test_a_training_that_was_killed_ends_with_the_same_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_study(tmp_path, training={**STUDY["training"], "epochs": 8}))
    plans = run_all()
    job = plans["train/mtm/both/lstm/seed-1"]
    model = Path(job.outputs["model.safetensors"])
    uninterrupted = model.read_bytes()
    for path in job.outputs.values():
        Path(path).unlink()

    command = [sys.executable, "-m", "metalstm", "stage", "train", "--plan", str(job.path)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    checkpoint = model.parent / "checkpoint.pt"
    while not checkpoint.exists():
        assert child.poll() is None, "the training ended before it could be killed"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not model.exists()

    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "going on after epoch" in again.stdout + again.stderr
    assert model.read_bytes() == uninterrupted
    assert not checkpoint.exists()


def test_a_prediction_of_other_sentences_is_not_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_study(tmp_path, training={**STUDY["training"], "epochs": 1}))
    plans = run_all()
    job = plans["score/stm/ills/lstm/seed-1"]
    path = Path(job.inputs["ills.test"])
    path.write_text(path.read_text("utf-8").replace("case", "cake"), encoding="utf-8")
    with pytest.raises(UserError, match="not the sentences of the test file of ills"):
        stage.run("score", job.path)


def test_train_and_devel_together_keep_the_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = {**STUDY["training"], "epochs": 2, "train_on": "train+devel"}
    monkeypatch.chdir(make_study(tmp_path, training=training, groups={}))
    run_all()
    metrics = json.loads(Path("results/runs/stm/ills/lstm/seed-1/metrics.json").read_text("utf-8"))
    assert metrics["train_on"] == "train+devel"
    assert metrics["best_epoch"] == 2


def tag(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metalstm", "tag", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_trained_run_tags_text_from_standard_input(inside: Path) -> None:
    text = "A case of gout fever. No asthma\n"
    done = tag("--model", "results/runs/stm/ills/lstm/seed-1", "--format", "jsonl", stdin=text)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["text"] == text
    for entity in document["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]


def test_a_joint_run_tags_token_lines_as_the_corpus_that_is_named(inside: Path) -> None:
    run, file = "results/runs/mtm/both/lstm/seed-1", "data/iobes/other/test.tsv"
    done = tag("--model", run, "--corpus", "other", "--tokens", file, "--out", "tagged.tsv")
    assert done.returncode == 0, done.stderr
    tagged = columns.read(Path("tagged.tsv"))
    assert [sentence.tokens for sentence in tagged] == [sentence.tokens for sentence in columns.read(Path(file))]
    predicted = columns.read(Path(f"{run}/predictions/other.test.tsv"))
    assert [sentence.labels for sentence in tagged] == [sentence.labels for sentence in predicted]


def test_a_joint_run_asks_for_the_corpus(inside: Path) -> None:
    done = tag("--model", "results/runs/mtm/both/lstm/seed-1", stdin="No gout.")
    assert done.returncode == 1
    assert done.stderr.strip().split("\n")[-1].endswith("ills, other")
