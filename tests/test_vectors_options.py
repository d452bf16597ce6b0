from pathlib import Path

import pytest

from metalstm import parameters
from metalstm.corpora.texts import Text
from metalstm.errors import UserError
from metalstm.vectors.options import VectorOptions

ADDRESS = "https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/pubmed25n0001.xml.gz"
STUDY = {
    "corpora": ["linnaeus"],
    "groups": {},
    "settings": {"per_corpus": ["stm"], "per_group": []},
    "cells": ["lstm"],
    "seeds": [1],
    "images": {"sets": [], "variants": {}, "seeds": [1]},
}


def texts(*entries, **options):
    vectors = {"source": "skipgram", "texts": list(entries), **options}
    return parameters.validate({**STUDY, "vectors": vectors}, Path("params.yaml")).vectors.texts


def test_a_bare_name_is_a_file_or_an_address():
    assert texts("more/text.txt.xz", ADDRESS) == [Text(file="more/text.txt.xz"), Text(address=ADDRESS)]
    assert [text.name for text in texts("more/text.txt.xz", ADDRESS)] == ["text.txt.xz", "pubmed25n0001.xml.gz"]


def test_an_entry_may_say_more():
    [text] = texts({"address": ADDRESS, "sha256": "0" * 64, "tokenised": True})
    assert text == Text(address=ADDRESS, sha256="0" * 64, tokenised=True)
    assert text.origin == ADDRESS


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"file": "a", "address": ADDRESS}], "and not both"),
        ([{"tokenised": True}], "and not both"),
        ([{"file": "a", "tokenized": True}], "did you mean `tokenised`"),
        ([{"file": "a", "sha256": "abc"}], "sha256"),
        (["https://example.org/"], "address"),
        ([ADDRESS, "https://example.org/pubmed25n0001.xml.gz"], r"several addresses that end in pubmed25n0001"),
        ([ADDRESS, ADDRESS], r"`vectors.texts`: named more than once: https:"),
        (["more/a.txt", {"file": "more/a.txt", "tokenised": True}], r"named more than once: more/a.txt"),
        ([], "nothing to learn from"),
    ],
)
def test_a_mistake_is_named(entries, message):
    with pytest.raises(UserError, match=message):
        texts(*entries)


def test_subwords_have_a_length():
    with pytest.raises(ValueError, match="at most `max_n`"):
        VectorOptions(min_n=4, max_n=3)
