"""What `metalstm plan` says of a study that can be planned."""

from pathlib import Path

import pytest

from metalstm import cli
from metalstm.plan import study as planning

STUDY = """\
corpora: [mine, linnaeus]
groups: {all-of-it: [mine, linnaeus, CRAFT]}
settings: {per_corpus: [stm], per_group: [mtm]}
cells: [lstm]
seeds: [1]
images: {sets: [], variants: {}, seeds: [1]}
vectors:
  corpora: [mine]
  texts:
    - here.txt
    - {file: text.txt, tokenised: true}
    - https://example.org/far.txt
gazetteers:
  drugs: [here.txt, drugs.txt]
own_corpora:
  mine:
    folder: corpora
    files:
      train: train.tsv
      devel: here.tsv
      test: test.tsv
  unused: {folder: nowhere, files: {train: a, devel: b, test: c}}
model: {gazetteers: [drugs], tune_words: false}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "corpora").mkdir()
    for name in ("here.txt", "corpora/here.tsv"):
        (tmp_path / name).write_text("here", encoding="utf-8")
    return tmp_path


def test_a_file_that_is_not_there_is_named_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.plan(Path("params.yaml"))
    [planned, left_out, *absent] = capsys.readouterr().out.splitlines()
    assert "plans below results/plan" in planned
    assert left_out == "all-of-it: without CRAFT, which `corpora` does not name"
    end = "which is not there; its stage will stop at that"
    assert absent == [
        f"params.yaml:11: `vectors.texts.1` names text.txt, {end}",
        f"params.yaml:14: `gazetteers.drugs.1` names drugs.txt, {end}",
        f"params.yaml:19: `own_corpora.mine.files.train` names corpora/train.tsv, {end}",
        f"params.yaml:21: `own_corpora.mine.files.test` names corpora/test.tsv, {end}",
    ]


def test_vectors_that_are_not_there_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = STUDY.replace("vectors:\n  corpora", "vectors:\n  source: file\n  file: words.bin\n  corpora")
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    cli.plan(Path("params.yaml"))
    assert "params.yaml:9: `vectors.file` names words.bin, which" in capsys.readouterr().out


def test_an_override_that_is_for_no_run_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overrides = "overrides:\n  - {when: {setting: stm}, training: {epochs: 2}}\n  - {when: {cell: metalstm}}\n"
    (folder / "params.yaml").write_text(STUDY + overrides, encoding="utf-8")
    cli.plan(Path("params.yaml"))
    idle = [line for line in capsys.readouterr().out.splitlines() if "overrides" in line]
    assert idle == ["params.yaml:26: `overrides.1` is for no run of this study"]


def test_what_no_tagger_reads_is_named_and_its_files_are_not_missed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = STUDY.replace("gazetteers: [drugs], ", "") + "language_models:\n  large: {}\n"
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    cli.plan(Path("params.yaml"))
    said = capsys.readouterr().out
    end = "so it is not made; `snakemake data/vectors"
    assert f"params.yaml:14: no tagger of this study reads `gazetteers.drugs`, {end}/gazetteers/drugs.saf" in said
    assert f"params.yaml:25: no tagger of this study reads `language_models.large`, {end}/language_models/l" in said
    assert "names drugs.txt" not in said
    assert "`vectors.texts.1` names text.txt" in said


def test_planning_itself_says_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planning.write(Path("params.yaml"))
    assert not capsys.readouterr().out
