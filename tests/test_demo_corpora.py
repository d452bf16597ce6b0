import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from metalstm.corpora import columns
from metalstm.corpora.schemes import convert, faults
from metalstm.corpora.tokenise import tokenise
from metalstm.scoring.entities import strict_entities

DEMO = Path(__file__).resolve().parents[1] / "examples" / "demo"
CORPORA = DEMO / "corpora"
SCHEMES = {"demo-drugs": "iob2", "demo-disease": "iobes", "demo-mixed": "iob1"}
SIZES = {"train": 700, "devel": 150, "test": 200}
TYPES = {"demo-drugs": {"Chemical"}, "demo-disease": {"Disease"}, "demo-mixed": {"Drug", "Disease"}}
EVERY_FILE = [(corpus, split) for corpus in SCHEMES for split in SIZES]


def content(corpus, split):
    return (CORPORA / corpus / f"{split}.tsv").read_bytes()


def read(corpus, split):
    separator = None if corpus == "demo-mixed" else "\t"
    return columns.read(CORPORA / corpus / f"{split}.tsv", separator=separator)


def mentions(corpus, split):
    """Words and type of every entity."""
    found = []
    for sentence in read(corpus, split):
        for kind, start, end in strict_entities(convert(sentence.labels, SCHEMES[corpus], "iobes")):
            found.append((" ".join(sentence.tokens[start:end]), kind))
    return found


def test_the_generator_writes_the_checked_in_files(tmp_path):
    subprocess.run([sys.executable, "-B", DEMO / "generate.py", tmp_path], check=True)
    for corpus, split in EVERY_FILE:
        assert (tmp_path / corpus / f"{split}.tsv").read_bytes() == content(corpus, split), (corpus, split)


def test_they_are_small():
    assert sum(path.stat().st_size for path in CORPORA.rglob("*.tsv")) < 600_000


@pytest.mark.parametrize(("corpus", "split"), EVERY_FILE)
def test_a_file_has_its_sentences_in_its_scheme(corpus, split):
    sentences = read(corpus, split)
    assert len(sentences) == SIZES[split]
    assert not [fault for sentence in sentences for fault in faults(sentence.labels, SCHEMES[corpus])]
    assert {kind for _, kind in mentions(corpus, split)} == TYPES[corpus]


@pytest.mark.parametrize(("corpus", "split"), EVERY_FILE)
def test_a_file_has_sentences_with_and_without_entities(corpus, split):
    empty = sum(set(sentence.labels) == {"O"} for sentence in read(corpus, split))
    assert 0.25 < empty / SIZES[split] < 0.6


@pytest.mark.parametrize("corpus", SCHEMES)
def test_half_of_the_test_mentions_are_new(corpus):
    seen = {words.lower() for words, _ in mentions(corpus, "train")}
    test = [words.lower() for words, _ in mentions(corpus, "test")]
    assert len(test) > 100
    assert 0.4 < sum(words not in seen for words in test) / len(test) < 0.7


@pytest.mark.parametrize("corpus", SCHEMES)
def test_sentences_are_not_repeated(corpus):
    counts = Counter(sentence.tokens for split in SIZES for sentence in read(corpus, split))
    assert {len(tokens) for tokens, count in counts.items() if count > 1} <= {1, 2}


@pytest.mark.parametrize("corpus", SCHEMES)
def test_tokens_are_those_of_our_own_tokeniser(corpus):
    for split in SIZES:
        for sentence in read(corpus, split):
            assert tuple(token.text for token in tokenise(" ".join(sentence.tokens))) == sentence.tokens


@pytest.mark.parametrize("word", ['"', "null", "None", "NA", "#"])
def test_words_that_break_readers_of_csv_are_tokens(word):
    having = [
        corpus
        for corpus in SCHEMES
        if any(word in sentence.tokens for split in SIZES for sentence in read(corpus, split))
    ]
    assert len(having) >= 2


def test_a_token_and_a_sentence_are_as_long_as_any():
    for corpus, split in [("demo-drugs", "train"), ("demo-disease", "test")]:
        sentences = read(corpus, split)
        assert max(len(token) for sentence in sentences for token in sentence.tokens) == 505
        assert max(len(sentence.tokens) for sentence in sentences) > 400
        assert min(len(sentence.tokens) for sentence in sentences) == 1


def test_the_forms_of_the_files_differ():
    assert b"\n\n\n" in content("demo-drugs", "devel")
    assert content("demo-disease", "devel").count(b"\r\n") == content("demo-disease", "devel").count(b"\n")
    assert content("demo-mixed", "train").startswith(b"-DOCSTART- -X- O O\n\n")
    assert content("demo-mixed", "train").count(b"-DOCSTART-") > 50
    assert b" B-Disease" in content("demo-mixed", "train")
    assert not content("demo-mixed", "test").endswith(b"\n")


def test_a_word_is_an_entity_here_and_none_there():
    for corpus, word in [("demo-drugs", "lead"), ("demo-disease", "stroke"), ("demo-mixed", "MS")]:
        labels = {
            label == "O"
            for sentence in read(corpus, "train")
            for token, label in zip(sentence.tokens, sentence.labels, strict=True)
            if token.lower() == word.lower()
        }
        assert labels == {True, False}, word


def test_the_group_shares_names_but_not_its_policy():
    drugs, mixed = ({words for words, _ in mentions(corpus, "train")} for corpus in ("demo-drugs", "demo-mixed"))
    assert len(drugs & mixed) > 20
    assert "statins" in mixed
    assert not any("statins" in words for words in drugs)
    assert any("statins" in sentence.tokens for sentence in read("demo-drugs", "train"))
