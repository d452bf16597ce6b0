"""A stage that is run by another hand than Snakemake's, between two of its runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from metalstm.corpora.splits import SPLITS
from metalstm.plan.job import Plan
from metalstm.stages import join, run, snakemake_records

SENTENCES = "a\tO\nb\tS-Disease\n\n"
SNAKEFILE = """\
rule join:
    input:
        "plan.json",
        "sentences.tsv",
    output:
        expand("joint/{split}.tsv", split=["train", "devel", "test"]),
    shell:
        "metalstm stage join --plan {input[0]}"
"""


def snakemake() -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["snakemake", "--cores", "1", "--workflow-profile", "none", "joint/train.tsv"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_what_another_hand_made_of_other_parameters_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sentences.tsv").write_text(SENTENCES, encoding="utf-8")
    Path("Snakefile").write_text(SNAKEFILE, encoding="utf-8")

    def plan(corpus: str) -> Path:
        inputs = {f"{corpus}.{split}": "sentences.tsv" for split in SPLITS}
        outputs = {split: f"joint/{split}.tsv" for split in SPLITS}
        Path("plan.json").write_text(Plan("join/all", inputs, outputs, {"corpora": [corpus]}).to_json(), "utf-8")
        return Path("plan.json")

    def first_tag() -> str:
        return Path("joint/train.tsv").read_text("utf-8").split("\t")[0]

    plan("one")
    snakemake()
    run.run("join", plan("two"))
    assert "Nothing to be done" in snakemake()
    assert first_tag() == "<two>"
    plan("one")
    snakemake()
    assert first_tag() == "<one>"
    assert "Nothing to be done" in snakemake()

    def ended_halfway(made: Plan) -> None:
        Path("joint/train.tsv").write_text("<two>\tS-two\n\n", "utf-8")
        raise SystemExit

    monkeypatch.setattr(join, "run", ended_halfway)
    with pytest.raises(SystemExit):
        run.run("join", plan("two"))
    plan("one")
    snakemake()
    assert first_tag() == "<one>"


def test_a_record_whose_name_is_too_long_for_one_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snakemake.persistence.file import FilePersistence

    monkeypatch.chdir(tmp_path)
    snakemake_records.RECORDS.mkdir(parents=True)
    output = "results/" + "runs/" * 60 + "metrics.json"
    keeper = FilePersistence.__new__(FilePersistence)
    keeper._max_len = None
    keeper._io_write(str(snakemake_records.RECORDS), {"rule": "score"}, output)
    assert [path for path in snakemake_records.RECORDS.rglob("*") if path.is_file()]
    snakemake_records.forget([output, "results/another"])
    assert not [path for path in snakemake_records.RECORDS.rglob("*") if path.is_file()]
