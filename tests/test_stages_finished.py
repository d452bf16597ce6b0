"""The errors of a finished run, from the folder of the run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from metalstm.errors import UserError
from metalstm.stages.finished import predictions

TOKENS = ["gout", "mild", "[flu]", "gout"]
GOLD = ["S-Disease", "O", "S-Disease", "S-Disease"]
PREDICTED = ["O", "S-Disease", "S-Disease", "O"]
RUN = Path("results/runs/stm/mine/lstm/seed-1")


def write(path: Path, *columns: list[str]) -> None:
    """A file with a sentence for each two tokens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ["\t".join(row) + "\n" for row in zip(*columns, strict=True)]
    path.write_text("".join("".join(rows[n : n + 2]) + "\n" for n in range(0, len(rows), 2)), encoding="utf-8")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for split in ("train", "devel", "test"):
        write(tmp_path / f"data/iobes/mine/{split}.tsv", TOKENS, GOLD)
    for split in ("devel", "test"):
        write(tmp_path / RUN / f"predictions/mine.{split}.tsv", TOKENS, GOLD, PREDICTED)
    run = {"setting": "stm", "scope": "mine", "cell": "lstm", "seed": 1, "corpora": ["mine"]}
    (tmp_path / RUN / "metrics.json").write_text(json.dumps({"run": run, "scores": {}}))
    return tmp_path


def test_the_corpus_is_found_from_the_folder_of_the_run(study: Path) -> None:
    [(name, corpus, labels)] = predictions(study / RUN, "devel")
    assert (name, list(corpus)) == ("mine", ["train", "devel", "test"])
    assert [label for sentence in labels for label in sentence] == PREDICTED
    assert [token for sentence in corpus["devel"] for token in sentence.tokens] == TOKENS


def test_results_may_be_a_link_to_another_disk(study: Path) -> None:
    (study / "elsewhere/disk").mkdir(parents=True)
    (study / "results").rename(study / "elsewhere/disk/results")
    (study / "results").symlink_to(study / "elsewhere/disk/results")
    assert [name for name, _, _ in predictions(study / RUN, "devel")] == ["mine"]


def test_what_is_missing_is_named(study: Path) -> None:
    for folder, corpus, message in (
        ("nowhere", None, r"nowhere: no such folder; name the folder of a run"),
        (f"{RUN}/metrics.json", None, r"metrics\.json: a file; name the folder of a run"),
        ("data", None, r"metrics\.json: no such file; score this run first"),
        (RUN, "yours", "not a run on yours; it is one on mine"),
    ):
        with pytest.raises(UserError, match=message):
            list(predictions(study / folder, "devel", corpus))
    for content in ([], {"run": {"setting": "images"}}):
        (study / "data/metrics.json").write_text(json.dumps(content))
        with pytest.raises(UserError, match="not a run on corpora of sentences"):
            list(predictions(study / "data", "devel"))
    (study / "data/metrics.json").write_text(json.dumps({"run": {"setting": "dictionary", "corpora": ["mine"]}}))
    with pytest.raises(UserError, match="not a run on corpora of sentences"):
        list(predictions(study / "data", "devel"))
    write(study / "data/iobes/mine/devel.tsv", TOKENS[::-1], GOLD)
    with pytest.raises(UserError, match="not the sentences of the devel file of mine"):
        list(predictions(study / RUN, "devel"))
    (study / "data/iobes/mine/train.tsv").unlink()
    with pytest.raises(UserError, match=r"train\.tsv: no such file; the stage `convert`"):
        list(predictions(study / RUN, "test"))


def shown(study: Path, most: int) -> list[str]:
    """What the command prints, one space between words."""
    command = [sys.executable, "-m", "metalstm", "errors", str(RUN), "--most", str(most)]
    done = subprocess.run(command, cwd=study, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_the_command_shows_kinds_names_and_examples(study: Path) -> None:
    lines = shown(study, most=1)
    assert lines[0] == "mine, devel"
    assert "missed 2 2 0 –" in lines
    assert "invented – – – 1" in lines
    assert "Missed: 1 of 1 name" in lines
    assert "2 gout Disease 2 0 »gout« mild" in lines
    assert "1 mild Disease 0 1 gout »mild«" in lines


def test_the_command_shows_kinds_alone(study: Path) -> None:
    lines = shown(study, most=0)
    assert "missed 2 2 0 –" in lines
    assert not any("names" in line and ":" in line for line in lines)
