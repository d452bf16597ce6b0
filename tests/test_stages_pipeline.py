"""All stages, one after the other, on two corpora of a few sentences: what each must leave behind."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from metalstm.corpora import columns
from metalstm.errors import UserError
from metalstm.plan import study as planning
from metalstm.stages import run as stage

DISEASES = ["asthma", "gout", "mumps", "lupus", "rabies", "scurvy", "anthrax", "malaria"]
STUDY = {
    "corpora": ["ills", "other"],
    "groups": {"both": ["ills", "other"]},
    "settings": {"per_corpus": ["stm"], "per_group": ["mtm", "mtm-plus"]},
    "images": {"sets": [], "variants": {}, "seeds": [1]},
    "cells": ["lstm"],
    "seeds": [1],
    "model": {"hidden_size": 10, "characters": {"size": 6, "embedding_size": 5}},
    "training": {
        "epochs": 3,
        "optimiser": {"name": "adamw", "learning_rate": 0.02},
        "sampling": "balanced",
        "continued": {"epochs": 2},
    },
    "vectors": {"corpora": ["ills", "other"], "size": 8, "epochs": 1, "min_count": 1},
    "own_corpora": {
        name: {"folder": f"own/{name}", "files": {split: f"{split}.tsv" for split in planning.SPLITS}}
        for name in ("ills", "other")
    },
    "tracking": {"enabled": False},
}
STM_ALONE = {"groups": {}, "settings": {"per_corpus": ["stm"], "per_group": []}}


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
    hidden = [path.name for path in Path().rglob(".*") if path.is_file()]
    assert [name for name in hidden if f".{os.getpid()}." in name] == []
    assert list(Path("results/runs").rglob("checkpoint.pt")) == []


@pytest.mark.parametrize(
    ("setting", "scope", "corpora"),
    [("stm", "ills", ["ills"]), ("mtm", "both", ["ills", "other"]), ("mtm-plus", "both", ["ills", "other"])],
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
        for run in (f"stm/{corpus}", "mtm/both", "mtm-plus/both"):
            path = Path(f"results/runs/{run}/lstm/seed-1/predictions/{corpus}.test.tsv")
            assert [s.tokens for s in columns.read(path)] == [s.tokens for s in gold]
            assert [s.labels for s in columns.read(path, label=1)] == [s.labels for s in gold]


def test_the_table_has_a_row_for_each_setting_and_corpus(inside: Path) -> None:
    lines = Path("results/tables/both.csv").read_text("utf-8").strip().split("\n")
    assert [line.split(",")[1:3] for line in lines[1:]] == [
        [corpus, setting]
        for corpus in ("ills", "other")
        for setting in (
            "dictionary",
            *(name + end for name in ("stm", "mtm", "mtm-plus") for end in ("", "-evidence")),
        )
    ]


def test_the_same_study_gives_the_same_numbers(inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    run_all()
    for path in ("data/vectors/words.bin", "results/tables/all.csv", *map(str, Path("results/runs").rglob("*.tsv"))):
        assert Path(path).read_bytes() == (inside / path).read_bytes(), path
    for path in map(str, Path("results/runs").rglob("model.safetensors")):
        assert Path(path).read_bytes() == (inside / path).read_bytes(), path


@pytest.mark.parametrize(
    ("job", "name", "left"),
    [
        ("mtm/both", "checkpoint.pt", []),
        ("mtm-plus/both", "checkpoint-other.pt", ["checkpoint.pt", "checkpoint-ills.pt"]),
    ],
)
def test_a_training_that_was_killed_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, name: str, left: list[str]
) -> None:
    long = {**STUDY["training"], "epochs": 6, "continued": {"epochs": 6}, "averaging": {"last_epochs": 2}}
    settings = {"per_corpus": [], "per_group": [job.split("/")[0]]}
    monkeypatch.chdir(make_study(tmp_path, training=long, settings=settings))
    plan = run_all()[f"train/{job}/lstm/seed-1"]
    folder = Path(plan.outputs["model.json"]).parent
    weights = [path for role, path in plan.outputs.items() if role.endswith(("safetensors", "weights"))]
    uninterrupted = {path: Path(path).read_bytes() for path in weights}
    for path in plan.outputs.values():
        Path(path).unlink()

    command = [sys.executable, "-m", "metalstm", "stage", "train", "--plan", str(plan.path)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (folder / name).exists():
        assert child.poll() is None, "the training ended before it could be killed"
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (folder / "model.safetensors").exists()
    assert all((folder / checkpoint).exists() for checkpoint in left)

    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (again.stdout + again.stderr).count("going on after epoch") == 1 + len(left)
    assert {path: Path(path).read_bytes() for path in weights} == uninterrupted
    assert list(folder.glob("checkpoint*")) == []


STOPPED_AT_THE_SECOND_CHECKPOINT = """
import itertools, os, signal, torch
from metalstm import cli

save, numbers = torch.save, itertools.count(1)

def half(content, path):
    save(content, path)
    if next(numbers) == 2:
        os.kill(os.getpid(), signal.SIGTERM)

torch.save = half
cli.main()
"""


def test_a_training_that_is_asked_to_end_leaves_nothing_half_and_goes_on(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(inside, tmp_path / "study"))
    plan = planning.write(Path("params.yaml"))[1]["train/stm/ills/lstm/seed-1"]
    weights = Path(plan.outputs["model.safetensors"])
    uninterrupted = weights.read_bytes()
    for path in plan.outputs.values():
        Path(path).unlink()

    command = [sys.executable, "-c", STOPPED_AT_THE_SECOND_CHECKPOINT, "stage", "train", "--plan", str(plan.path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 128 + signal.SIGTERM
    assert {path.name for path in weights.parent.iterdir() if path.is_file()} == {"metrics.json", "checkpoint.pt"}
    assert stage.run("train", plan.path)
    assert "going on after epoch 1" in "".join(capfd.readouterr())
    assert weights.read_bytes() == uninterrupted


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
    monkeypatch.chdir(make_study(tmp_path, training=training, **STM_ALONE))
    run_all()
    metrics = json.loads(Path("results/runs/stm/ills/lstm/seed-1/metrics.json").read_text("utf-8"))
    assert metrics["train_on"] == "train+devel"
    assert metrics["best_epoch"] == 2


@pytest.mark.parametrize("train_on", ["train", "train+devel"])
def test_a_devel_file_without_an_entity_chooses_no_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_on: str
) -> None:
    one = {"corpora": ["ills"], **STM_ALONE, "vectors": {"source": "random", "size": 8}}
    monkeypatch.chdir(make_study(tmp_path, **one, training={**STUDY["training"], "epochs": 1, "train_on": train_on}))
    Path("own/ills/devel.tsv").write_text("No\tO\nchange\tO\n\n", encoding="utf-8")
    refused = pytest.raises(UserError, match=r"ills: no entity in any devel file.*train_on: train\+devel")
    with refused if train_on == "train" else nullcontext():
        run_all()


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


@pytest.mark.parametrize("split", planning.SCORED_SPLITS)
@pytest.mark.parametrize("setting", ["mtm", "mtm-plus"])
def test_a_joint_run_tags_token_lines_as_the_corpus_that_is_named(inside: Path, setting: str, split: str) -> None:
    run, file = f"results/runs/{setting}/both/lstm/seed-1", f"data/iobes/other/{split}.tsv"
    done = tag("--model", run, "--corpus", "other", "--tokens", file, "--out", "tagged.tsv")
    assert done.returncode == 0, done.stderr
    tagged = columns.read(Path("tagged.tsv"))
    assert [sentence.tokens for sentence in tagged] == [sentence.tokens for sentence in columns.read(Path(file))]
    predicted = columns.read(Path(f"{run}/predictions/other.{split}.tsv"))
    assert [sentence.labels for sentence in tagged] == [sentence.labels for sentence in predicted]


@pytest.mark.parametrize("setting", ["mtm", "mtm-plus"])
def test_a_joint_run_asks_for_the_corpus(inside: Path, setting: str) -> None:
    run = f"results/runs/{setting}/both/lstm/seed-1"
    for corpus in ([], ["--corpus", "third"]):
        done = tag("--model", run, *corpus, stdin="No gout.")
        assert done.returncode == 1
        assert done.stderr.strip().split("\n")[-1].endswith("ills, other")


def test_each_corpus_goes_on_from_the_joint_weights_and_keeps_the_best(inside: Path) -> None:
    folder = Path("results/runs/mtm-plus/both/lstm/seed-1")
    rows = list(csv.DictReader((folder / "history.csv").read_text("utf-8").splitlines()))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 8))
    assert [row["corpus"] for row in rows] == ["", "", "", "ills", "ills", "other", "other"]
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["plan"]["training"]["continued"]["epochs"] == 2
    tokens = [int(row["tokens"]) for row in rows]
    seconds = sum(int(row["tokens"]) / float(row["tokens_per_second"]) for row in rows)
    assert metrics["tokens_per_second"] == pytest.approx(sum(tokens) / seconds, abs=0.1)
    assert min(tokens[:3]) > max(tokens[3:])
    for corpus, noted in metrics["continued"].items():
        own = [float(row["devel_f1"]) for row in rows if row["corpus"] == corpus]
        assert noted["devel_f1"] == max([noted["joint_devel_f1"], *own])
        assert metrics["scores"][corpus]["devel"]["strict"]["f1"] == pytest.approx(noted["devel_f1"])
        assert metrics["scores"][corpus]["test"]["task_labels_removed"] == 0


def test_labels_of_one_corpus_are_not_predicted_in_another(inside: Path) -> None:
    for corpus, kind in (("ills", "Disease"), ("other", "Illness")):
        path = Path(f"results/runs/mtm-plus/both/lstm/seed-1/predictions/{corpus}.test.tsv")
        labels = {label for sentence in columns.read(path) for label in sentence.labels}
        assert labels <= {"O", *(f"{position}-{kind}" for position in "BIES")}


def test_what_only_mtm_plus_reads_changes_no_other_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_study(tmp_path))
    before = planning.write(Path("params.yaml"))[1]
    training = {**STUDY["training"], "sampling": "proportional", "continued": {"epochs": 9}}
    make_study(tmp_path, training=training, model={**STUDY["model"], "multitask": {"output": "shared"}})
    after = planning.write(Path("params.yaml"))[1]
    changed = {job for job in before if before[job].to_json() != after[job].to_json()}
    assert changed == {"train/mtm-plus/both/lstm/seed-1"}
