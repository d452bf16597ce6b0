"""Strict errors by kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring import errors
from metalstm.scoring.entities import Entity
from metalstm.scoring.labels import entity_labels
from metalstm.scoring.scores import evaluate
from metalstm.scoring.seen import seen_unseen

TOKENS = [["lung", "cancer", "and", "p53", "of", "HeLa"]]
GOLD = [["B-x", "E-x", "O", "S-y", "O", "S-z"]]


@pytest.mark.parametrize(
    ("predicted", "gold_kinds", "predicted_kinds"),
    [
        (["B-x", "E-x", "O", "S-y", "O", "S-z"], [], []),
        (["B-y", "E-y", "O", "S-y", "O", "S-z"], ["type"], ["type"]),
        (["S-x", "O", "O", "S-y", "O", "S-z"], ["boundary"], ["boundary"]),
        (["S-x", "S-x", "O", "S-y", "O", "S-z"], ["boundary"], ["boundary"] * 2),
        (["S-y", "O", "O", "S-y", "O", "S-z"], ["boundary_and_type"], ["boundary_and_type"]),
        (["S-y", "S-x", "O", "S-y", "O", "S-z"], ["boundary"], ["boundary_and_type", "boundary"]),
        (["O", "O", "S-x", "S-y", "O", "S-z"], ["missed"], ["invented"]),
        (["B-x", "I-x", "I-x", "E-x", "O", "S-z"], ["boundary", "boundary_and_type"], ["boundary"]),
        (["I-x", "E-x", "O", "S-y", "O", "S-z"], ["missed"], []),
    ],
)
def test_kinds(predicted: list[str], gold_kinds: list[str], predicted_kinds: list[str]) -> None:
    found = errors.find(TOKENS, GOLD, [predicted])
    assert [error.kind for error in found.gold] == gold_kinds
    assert [error.kind for error in found.predicted] == predicted_kinds


def test_an_error_tells_where_it_is_and_what_is_there_instead() -> None:
    found = errors.find([["a"], *TOKENS], [["O"], *GOLD], [["O"], ["S-x", "O", "S-y", "S-y", "O", "S-z"]])
    assert found.gold == [
        errors.Error(1, Entity("x", 0, 2), ("lung", "cancer"), "boundary", (Entity("x", 0, 1),)),
    ]
    assert found.predicted[1] == errors.Error(1, Entity("y", 2, 3), ("and",), "invented", ())
    assert errors.forms(found) == {("lung", "cancer"), ("lung",), ("and",)}


def test_earlier_text_tells_what_is_seen_left_and_annotated() -> None:
    tokens = [["lung", "cancer", "p53", "HeLa", "of"]]
    gold = [["B-x", "E-x", "S-y", "S-z", "O"]]
    predicted = [["O", "O", "O", "O", "S-x"]]
    before_tokens = [["p53", "p53", "HeLa", "HeLa", "HeLa", "lung", "cancer", "cells", "of"]]
    before_labels = [["S-y", "O", "S-z", "S-z", "O", "B-x", "I-x", "E-x", "S-z"]]
    found = errors.find(tokens, gold, predicted)
    before = errors.earlier(errors.forms(found), before_tokens, before_labels)
    # p53 once with and once without a label; HeLa mostly with one; lung cancer only inside another name.
    assert [before.mostly_leaves(error.form) for error in found.gold] == [False, True, False]
    assert (before.annotated(("HeLa",)), before.unlabelled["HeLa",]) == (2, 1)
    assert (before.annotated(("lung", "cancer")), before.unlabelled["lung", "cancer"]) == (0, 0)
    counts = errors.count(found, before)
    assert counts["gold"]["missed"] == {"seen": 2, "unseen": 1}
    assert counts["missed_mostly_unlabelled_earlier"] == 1
    assert counts["invented_annotated_earlier"] == 1


def test_the_five_names_that_are_missed_most() -> None:
    words = [*"aaabbcdefg"]
    labels = ["S-x"] * len(words)
    found = errors.find([words], [labels], [["O"] * len(words)])
    counts = errors.count(found, errors.earlier(errors.forms(found), [], []))
    assert counts["missed_in_five_names"] == 3 + 2 + 1 + 1 + 1
    assert counts["gold"]["missed"] == {"seen": 0, "unseen": 10}


@st.composite
def _labels(draw: st.DrawFn, size: int) -> list[str]:
    labels: list[str] = []
    while len(labels) < size:
        length = draw(st.integers(1, min(3, size - len(labels))))
        labels += entity_labels(draw(st.sampled_from("xy")), length) if draw(st.booleans()) else ["O"] * length
    return labels


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=8), max_size=4), st.data())
def test_errors_are_what_the_strict_score_misses(sentences: list[list[str]], data: st.DataObject) -> None:
    gold, predicted, before = ([data.draw(_labels(len(words))) for words in sentences] for _ in range(3))
    found = errors.find(sentences, gold, predicted)
    earlier = errors.earlier(errors.forms(found), sentences, before)
    counts = errors.count(found, earlier)
    strict = evaluate(gold, predicted).strict
    sides = {side: sum(kinds[side] for kinds in counts["gold"].values()) for side in ("seen", "unseen")}
    not_found, not_gold = sum(sides.values()), sum(counts["predicted"].values())
    right = strict.support - not_found
    assert (len(found.gold), len(found.predicted)) == (not_found, not_gold)
    assert strict.recall == pytest.approx(100 * right / strict.support if strict.support else 0)
    assert strict.precision == pytest.approx(100 * right / (right + not_gold) if right else 0)
    for side, recall in seen_unseen(earlier.mentions, sentences, gold, predicted).items():
        assert sides[side] == pytest.approx(recall["support"] * (1 - recall["recall"] / 100))
    missed = sum(counts["gold"]["missed"].values())
    assert counts["missed_mostly_unlabelled_earlier"] <= missed
    assert min(missed, errors.FREQUENT) <= counts["missed_in_five_names"] <= missed or missed == 0
    assert counts["invented_annotated_earlier"] <= counts["predicted"]["invented"]


@given(st.lists(st.integers(0, 8), max_size=4), st.data())
def test_the_sides_mirror_each_other(sizes: list[int], data: st.DataObject) -> None:
    words = [["a"] * size for size in sizes]
    gold, predicted = ([data.draw(_labels(size)) for size in sizes] for _ in range(2))
    there, back = errors.find(words, gold, predicted), errors.find(words, predicted, gold)
    swapped = {"missed": "invented"}
    assert [error._replace(kind=swapped.get(error.kind, error.kind)) for error in back.gold] == there.predicted


def test_lengths_must_agree() -> None:
    with pytest.raises(UserError, match="sentence 1"):
        errors.find([["a"]], [["O", "O"]], [["O", "O"]])
    with pytest.raises(UserError, match="sentence 1"):
        errors.find([["a"]], [["O"]], [["O", "O"]])
