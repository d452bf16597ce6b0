"""Seen and unseen mentions, and the dictionary tagger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.scores import evaluate, strict_f1
from metalstm.scoring.seen import dictionary_labels, mentions, seen_unseen

TRAIN = [["lung", "cancer", "and", "lung"], ["p53", "in", "lung"], ["lung", "cancer", "cells"]]
TRAIN_LABELS = [["B-disease", "E-disease", "O", "S-organ"], ["S-gene", "O", "S-organ"], ["B-cell", "I-cell", "E-cell"]]


def test_mentions_are_counted_by_form_and_type() -> None:
    found = mentions([*TRAIN, ["lung"]], [*TRAIN_LABELS, ["S-gene"]])
    assert set(found) == {("lung", "cancer"), ("lung",), ("p53",), ("lung", "cancer", "cells")}
    assert found["lung",] == {"organ": 2, "gene": 1}


def test_recall_of_seen_and_unseen() -> None:
    tokens = [["p53", "and", "BRCA1", "in", "lung"], ["Lung", "cancer", ",", "p53"]]
    gold = [["S-gene", "O", "S-gene", "O", "S-organ"], ["B-disease", "E-disease", "O", "S-protein"]]
    predicted = [["S-gene", "O", "O", "O", "S-gene"], ["B-disease", "E-disease", "O", "S-protein"]]
    result = seen_unseen(mentions(TRAIN, TRAIN_LABELS), tokens, gold, predicted)
    # seen: p53 (right), lung (wrong type), p53 under a new type (right); unseen: BRCA1 (missed), Lung cancer (right)
    assert result == {
        "seen": {"recall": pytest.approx(200 / 3), "support": 3},
        "unseen": {"recall": 50.0, "support": 2},
    }


def test_together_they_are_the_strict_recall() -> None:
    gold, predicted = TRAIN_LABELS, dictionary_labels(mentions(TRAIN, TRAIN_LABELS), TRAIN)
    result = seen_unseen({("lung",)}, TRAIN, gold, predicted)
    strict = evaluate(gold, predicted).strict
    right = sum(side["recall"] * side["support"] for side in result.values())
    assert sum(side["support"] for side in result.values()) == strict.support
    assert right / strict.support == pytest.approx(strict.recall)


def test_without_entities_recall_is_zero() -> None:
    nothing = {"recall": 0.0, "support": 0}
    assert seen_unseen(set(), [["a"]], [["O"]], [["O"]]) == {"seen": nothing, "unseen": nothing}


def test_lengths_must_agree() -> None:
    with pytest.raises(UserError, match="sentence 1"):
        seen_unseen(set(), [["a", "b"]], [["O"]], [["O"]])
    with pytest.raises(UserError, match="sentence 1"):
        seen_unseen(set(), [["a"]], [["O"]], [["O", "O"]])
    with pytest.raises(UserError, match="sentence 1"):
        mentions([["a"]], [["O", "O"]])


def test_dictionary_takes_the_longest_match() -> None:
    dictionary = mentions(TRAIN, TRAIN_LABELS)
    tokens = [["lung", "cancer", "cells", "lung", "cancer"], ["Lung", "lung", "cells"], ["no", "match"], []]
    assert dictionary_labels(dictionary, tokens) == [
        ["B-cell", "I-cell", "E-cell", "B-disease", "E-disease"],
        ["O", "S-organ", "O"],
        ["O", "O"],
        [],
    ]


def test_dictionary_at_the_end_of_a_sentence() -> None:
    dictionary = mentions([["a", "b"], ["a", "b", "c"]], [["B-x", "E-x"], ["B-y", "I-y", "E-y"]])
    assert dictionary_labels(dictionary, [["a", "b"], ["a"]]) == [["B-x", "E-x"], ["O"]]


def test_dictionary_takes_the_commonest_type_and_then_the_alphabet() -> None:
    dictionary = mentions([["a", "a", "a", "b", "b"]], [["S-x", "S-y", "S-y", "S-y", "S-x"]])
    assert dictionary_labels(dictionary, [["a", "b"]]) == [["S-y", "S-x"]]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=5), st.data())
def test_dictionary_of_one_sentence_covers_its_own_mentions(sentences: list[list[str]], data: st.DataObject) -> None:
    labels = [data.draw(st.lists(st.sampled_from(["O", "S-x"]), min_size=len(s), max_size=len(s))) for s in sentences]
    dictionary = mentions(sentences, labels)
    predicted = dictionary_labels(dictionary, sentences)
    assert [len(sentence) for sentence in predicted] == [len(sentence) for sentence in sentences]
    if any(strict_entities(sentence) for sentence in labels):
        assert seen_unseen(dictionary, sentences, labels, predicted)["seen"]["recall"] == 100.0
        assert strict_f1(labels, predicted) > 0.0
