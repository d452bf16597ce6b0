from pathlib import Path

import pytest

from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError
from metalstm.plan.job import Plan
from metalstm.stages import convert

SENTENCES = "a\tO\ngout\tB-Disease\n\n"


def run(corpus: str = "mine", **splits: str) -> None:
    for split in SPLITS:
        Path(f"{split}.tsv").write_text(splits.get(split, f"{split}{SENTENCES.removeprefix('a')}"), encoding="utf-8")
    chosen = {"corpus": corpus, "scheme": "auto", "columns": {"token": 0, "label": -1, "separator": "tab"}}
    files, outputs = ({split: f"{folder}{split}.tsv" for split in SPLITS} for folder in ("", "iobes/"))
    convert.run(Plan(f"convert/{corpus}", files, outputs, chosen))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_corpus_is_converted_to_iobes() -> None:
    run()
    for split in SPLITS:
        assert Path(f"iobes/{split}.tsv").read_text("utf-8") == f"{split}\tO\ngout\tS-Disease\n\n"


def test_what_a_file_holds_is_counted_in_words_that_agree(capsys: pytest.CaptureFixture[str]) -> None:
    run(train=SENTENCES * 1000, devel="gout\tI-Disease\n\n")
    train, devel, test = capsys.readouterr().out.splitlines()
    assert train == "iobes/train.tsv: 1,000 sentences, 2,000 tokens, 1,000 entities"
    assert devel == "iobes/devel.tsv: 1 sentence, 1 token, 1 entity"
    assert test == "iobes/test.tsv: 1 sentence, 2 tokens, 1 entity"


def test_a_split_without_a_sentence_is_refused() -> None:
    with pytest.raises(UserError, match=r"^devel.tsv: expected sentences, .*; give a file that has some$"):
        run(devel="\n")


def test_a_label_of_no_scheme_is_named_with_its_place() -> None:
    with pytest.raises(UserError, match=r"^test.tsv:2: expected the label O, .* but found 'foo'$"):
        run(test=SENTENCES.replace("B-Disease", "foo"))


@pytest.mark.parametrize(("split", "other"), [("devel", "train"), ("test", "train"), ("test", "devel")])
def test_a_copy_of_another_split_is_refused(split: str, other: str) -> None:
    with pytest.raises(UserError, match=rf"^{split}.tsv: the sentences of {other}.tsv over again: .*; give each split"):
        run(**{other: SENTENCES, split: f"{SENTENCES}\n"})


def test_a_corpus_named_like_one_of_its_entity_types_is_refused() -> None:
    with pytest.raises(UserError, match=r"train.tsv: corpus 'Disease': expected a name that is no entity type"):
        run("Disease")
