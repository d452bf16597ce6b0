"""The catalogue: complete, true to the files, and open to a user's own corpora."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from metalstm.corpora.catalogue import Corpus, Source, catalogue, entry, sources
from metalstm.errors import UserError

PARTS = {
    "BC4CHEMD": [""],
    "BC5CDR": ["", "-chem", "-disease"],
    "BioNLP11ID": ["", "-chem", "-species"],
    "BioNLP13CG": ["", "-cc", "-cell", "-chem", "-species"],
    "BioNLP13PC": ["", "-cc", "-chem"],
    "CRAFT": ["", "-cc", "-cell", "-chem", "-species"],
    "NCBI-disease": [""],
    "linnaeus": [""],
    "CoNLL-2003": [""],
    "MNIST": [""],
}
STUDY = [f"{corpus}{part}" for corpus, parts in PARTS.items() for part in parts]
TEXT = [name for name in STUDY if name != "MNIST"]
FILES = {"train": "a.tsv", "devel": "b.tsv", "test": "c.tsv"}


def own(**given: Any) -> Corpus:
    return Corpus.model_validate({"folder": "mine", "files": FILES} | given)


def test_it_holds_the_corpora_of_the_study() -> None:
    assert set(catalogue()) == set(STUDY)


@pytest.mark.parametrize("name", STUDY)
def test_every_entry_is_pinned_and_says_where_it_is_from(name: str) -> None:
    corpus = entry(name)
    assert re.search(r"/[0-9a-f]{40}(/|$)", corpus.address or "")
    assert all(file.blob for file in corpus.files.values())
    assert corpus.licence
    assert corpus.citations
    assert corpus.source
    assert bool(corpus.labels) == (corpus.kind == "tokens")


def test_a_part_of_a_corpus_shares_its_terms() -> None:
    assert entry("CRAFT-cc").licence == entry("CRAFT").licence
    assert entry("CRAFT-cc").citations == entry("CRAFT").citations
    assert [citation.year for citation in entry("CRAFT").citations] == [2012, 2017]


def test_only_the_corpora_with_clean_iob_files_have_the_suffix() -> None:
    assert (entry("BC4CHEMD").address or "").endswith("/data/BC4CHEMD")
    assert (entry("linnaeus").address or "").endswith("/data/linnaeus-IOB")


@pytest.mark.parametrize("name", TEXT)
def test_size_columns_scheme_and_labels_are_those_of_the_files(name: str, mirror: Path) -> None:
    corpus = entry(name)
    seen: set[str] = set()
    for split, source in sources(corpus).items():
        path = mirror / (source.url or "").removeprefix("https://")
        if not path.is_file():
            pytest.skip(f"the mirror lacks {name}")
        content = path.read_bytes()
        assert len(content) == corpus.files[split].bytes
        # Labels without a prefix other than O would be left over, and so seen.
        column = (rb"\t%s" if corpus.columns.separator == "tab" else rb" %s") % rb"([^\s]+)$"
        seen |= {label.decode() for label in re.findall(column, content, re.MULTILINE)} - {"O"}
    assert {label.partition("-")[0] for label in seen} <= {"B", "I"}
    assert {label.partition("-")[2] for label in seen} == set(corpus.labels)


def test_token_files_are_kept_by_split_and_others_by_name() -> None:
    conll, mnist = sources(entry("CoNLL-2003")), sources(entry("MNIST"))
    assert {split: source.name for split, source in conll.items()} == {
        split: f"{split}.tsv" for split in ("train", "devel", "test")
    }
    assert (conll["devel"].url or "").endswith("/eng.testa")
    assert {source.name for source in mnist.values()} == {
        f"{split}-{content}.gz" for split in ("train", "t10k") for content in ("images-idx3-ubyte", "labels-idx1-ubyte")
    }


def test_sources_survive_the_json_of_a_plan() -> None:
    for source in sources(entry("linnaeus")).values():
        assert Source(**json.loads(json.dumps(asdict(source)))) == source


def test_a_bare_name_is_a_file() -> None:
    corpus = own(files=FILES | {"test": {"name": "c.tsv", "blob": "0" * 40}})
    assert corpus.files["train"].name == "a.tsv"
    assert corpus.files["train"].blob is None
    assert corpus.files["test"].blob == "0" * 40
    assert (corpus.scheme, corpus.columns.separator) == ("auto", "tab")


def test_an_own_folder_and_an_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert sources(own(folder="~/mine"))["devel"].path == "/somewhere/mine/b.tsv"
    there = own(folder=None, address="https://example.org/mine/", files=FILES | {"train": "first part/a#1.tsv"})
    assert sources(there)["train"].url == "https://example.org/mine/first%20part/a%231.tsv"
    assert sources(there)["train"].name == "train.tsv"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"address": "https://example.org"}, "not both"),
        ({"folder": None}, "either `address`"),
        ({"folder": "~no-such-user/mine"}, "`~` stands for no home folder"),
        ({"folder": None, "address": "ftp://example.org"}, "pattern"),
        ({"files": {"train": "a.tsv", "dev": "b.tsv", "test": "c.tsv"}}, "found train, dev, test"),
        ({"files": FILES | {"test": "../c.tsv"}}, "below"),
        ({"files": FILES | {"test": "/c.tsv"}}, "below"),
        ({"files": FILES | {"test": {"name": "c.tsv", "blob": "abc"}}}, "pattern"),
        ({"scheme": "bio"}, "iob1"),
        ({"columns": {"separator": ","}}, "tab"),
        ({"lables": ["A"]}, "not permitted"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        own(**given)


def test_two_files_of_a_set_of_images_are_not_kept_under_one_name() -> None:
    files = {
        f"{split}-{content}": f"{split}/{content}.idx"
        for split in ("train", "test")
        for content in ("images", "labels")
    }
    with pytest.raises(ValidationError, match=r"`files.train-images` and `files.test-images` .* kept as images.idx"):
        own(kind="images", files=files)
    assert own(files={split: f"{split}/sentences.tsv" for split in FILES})


@pytest.mark.parametrize("wrong", ["NCBI-diseases", "ncbi_disease", "NCBI disease"])
def test_a_misspelt_name_brings_the_nearest(wrong: str) -> None:
    with pytest.raises(UserError, match="did you mean NCBI-disease"):
        entry(wrong)


def test_own_names_are_known_too() -> None:
    mine = own()
    assert entry("my-corpus", {"my-corpus": mine}) is mine
    assert entry("CoNLL-2003", {"CoNLL-2003": mine}) is mine
    with pytest.raises(UserError, match="my-corpus"):
        entry("my-corpsu", {"my-corpus": mine})


def test_a_name_like_no_other_brings_them_all() -> None:
    with pytest.raises(UserError, match=r"known are .*NCBI-disease"):
        entry("???")
