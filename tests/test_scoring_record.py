import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring import record
from metalstm.scoring.report import report

GOLD = [["S-Disease", "O"], ["B-Disease", "E-Disease"], ["O", "S-Disease"]] * 10


@given(st.lists(st.tuples(*[st.integers(0, 65535)] * 3), max_size=30))
def test_what_is_written_reads_back(rows: list[tuple[int, int, int]]) -> None:
    counts = np.array(rows, dtype=np.int64).reshape(-1, 3)
    assert np.array_equal(record.read(record.write(counts)), counts)


def test_the_form_is_the_one_that_is_described() -> None:
    import base64
    import zlib

    text = record.write(np.array([[1, 2, 3], [0, 0, 0]]))
    assert zlib.decompress(base64.b64decode(text)) == bytes([1, 1, 2, 3, 0, 0, 0])


@pytest.mark.parametrize("text", ["", "no counts", "eJwDAAAAAAE=", "AAAA", "eJxjZAQAAAQAAg=="])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not the counts of sentences"):
        record.read(text)


def test_too_many_entities_are_refused() -> None:
    with pytest.raises(UserError, match="65536 entities"):
        record.write(np.array([[0, 65536, 0]]))


def test_a_report_has_the_interval_and_the_counts_of_every_sentence() -> None:
    tokens = [["asthma", "is"], ["lung", "cancer"], ["no", "gout"]] * 10
    predicted = [["O", "O"]] * 5 + GOLD[5:]
    made = report(tokens, GOLD, predicted, earlier=([["gout"]], [["S-Disease"]]), with_counts=True)
    counts = record.read(made["sentence_counts"])
    assert counts.sum(axis=0).tolist() == [25, 25, 30]
    low, high = made["f1_interval"]
    assert low < made["strict"]["f1"] < high
    assert (made["seen"]["support"], made["unseen"]["support"], made["sentences"], made["tokens"]) == (10, 20, 30, 60)


def test_a_split_without_sentences_has_no_interval() -> None:
    made = report([], [], [], earlier=([], []))
    assert made["f1_interval"] is None
    assert "sentence_counts" not in made
