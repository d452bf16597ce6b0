"""Precision, recall and F1 against seqeval and against numbers counted by hand."""

import json
import subprocess
import sys
import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOBES

from metalstm.errors import UserError
from metalstm.scoring import Scores, evaluate, strict_f1

LABELS = ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("x", "y"))]


@st.composite
def sentence_pairs(draw: st.DrawFn) -> tuple[list[list[str]], list[list[str]]]:
    pair = st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS))
    # Equal labels are drawn more often, so that something is right.
    same = st.sampled_from(LABELS).map(lambda label: (label, label))
    sentences = draw(st.lists(st.lists(pair | same | same, max_size=8), max_size=5))
    return [[gold for gold, _ in labels] for labels in sentences], [
        [found for _, found in labels] for labels in sentences
    ]


def columns(*sentences: str) -> list[list[str]]:
    return [sentence.split() for sentence in sentences]


GOLD = columns("B-x I-x E-x O S-y", "S-x O", "O O S-y")
PREDICTED = columns("B-x O E-x O S-y", "S-y O", "O S-y O")


def test_counted_by_hand() -> None:
    scores = evaluate(GOLD, PREDICTED)
    # strict: predicted S-y (right), S-y, S-y; gold has four
    assert scores.strict.precision == pytest.approx(100 / 3)
    assert scores.strict.recall == pytest.approx(25)
    assert scores.strict.f1 == pytest.approx(200 / 7)
    assert scores.strict.support == 4
    assert scores.strict.by_type["x"].f1 == 0.0
    assert scores.strict.by_type["x"].support == 2
    assert scores.strict.by_type["y"].precision == pytest.approx(100 / 3)
    assert scores.strict.by_type["y"].recall == pytest.approx(50)
    # conlleval: B O E is two chunks, neither of them right
    assert scores.conlleval.f1 == pytest.approx(200 / 9)
    assert scores.conlleval.by_type["x"].precision == 0.0
    # study: B O E counts as B I E
    assert scores.study.f1 == pytest.approx(400 / 8)
    assert scores.study.by_type["x"].recall == pytest.approx(50)


def test_e_then_b_breaks_the_chunk() -> None:
    for gold, predicted in ((columns("E-x B-x"), columns("I-x I-x")), (columns("I-x I-x"), columns("E-x B-x"))):
        assert evaluate(gold, predicted).conlleval.f1 == 0.0
    assert evaluate(columns("E-x B-x"), columns("I-x I-x")).conlleval.support == 2


def test_type_only_predicted_has_no_support() -> None:
    scores = evaluate(columns("S-x"), columns("S-z"))
    for reading in (scores.strict, scores.conlleval, scores.study):
        assert sorted(reading.by_type) == ["x", "z"]
        assert reading.by_type["z"].support == 0


@given(sentence_pairs())
def test_strict_is_seqeval(sentences: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = sentences
    strict = evaluate(gold, predicted).strict
    assert strict_f1(gold, predicted) == pytest.approx(strict.f1)
    if gold:
        for score, value in (
            (precision_score, strict.precision),
            (recall_score, strict.recall),
            (f1_score, strict.f1),
        ):
            expected = score(gold, predicted, mode="strict", scheme=IOBES, zero_division=0)
            assert value == pytest.approx(100 * expected)


@given(sentence_pairs())
def test_conlleval_is_the_default_mode_of_seqeval(sentences: tuple[list[list[str]], list[list[str]]]) -> None:
    gold, predicted = sentences
    if gold:
        expected = f1_score(gold, predicted, zero_division=0)
        assert evaluate(gold, predicted).conlleval.f1 == pytest.approx(100 * expected)


@given(sentence_pairs())
def test_scores_are_plain_and_complete(sentences: tuple[list[list[str]], list[list[str]]]) -> None:
    scores = evaluate(*sentences)
    as_dict = scores.as_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert list(as_dict) == ["strict", "conlleval", "study"]
    for reading in as_dict.values():
        assert list(reading) == ["precision", "recall", "f1", "support", "by_type"]
        assert reading["support"] == sum(score["support"] for score in reading["by_type"].values())
        for score in reading["by_type"].values():
            assert list(score) == ["precision", "recall", "f1", "support"]


@pytest.mark.parametrize("sentences", [[], [[]], [["O", "O"], ["O"]]])
def test_nothing_to_find_is_zero_without_a_warning(sentences: list[list[str]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = evaluate(sentences, sentences)
        assert strict_f1(sentences, sentences) == 0.0
    for reading in (scores.strict, scores.conlleval, scores.study):
        assert (reading.precision, reading.recall, reading.f1, reading.support) == (0.0, 0.0, 0.0, 0)
        assert reading.by_type == {}


def test_tuples_are_as_good_as_lists() -> None:
    assert evaluate(tuple(map(tuple, GOLD)), tuple(map(tuple, PREDICTED))) == evaluate(GOLD, PREDICTED)


def test_perfect() -> None:
    scores = evaluate(GOLD, GOLD)
    assert isinstance(scores, Scores)
    assert scores.strict.f1 == scores.conlleval.f1 == scores.study.f1 == strict_f1(GOLD, GOLD) == 100.0


@pytest.mark.parametrize("score", [evaluate, strict_f1])
def test_lengths_must_agree(score: object) -> None:
    assert callable(score)
    with pytest.raises(UserError, match=r"^sentence 2: 2 gold but 1 predicted labels"):
        score(GOLD, columns("B-x O E-x O S-y", "S-y", "O S-y O"))
    with pytest.raises(UserError, match=r"^3 gold but 2 predicted sentences, sentence 3 is the first"):
        score(GOLD, PREDICTED[:2])
    with pytest.raises(UserError, match=r"^3 gold but 4 predicted sentences, sentence 4 is the first"):
        score(GOLD, [*PREDICTED, ["O"]])


def test_unknown_label_is_named_with_its_sentence() -> None:
    with pytest.raises(UserError, match=r"^predicted sentence 2: unknown label 'Q-x'"):
        evaluate(columns("O", "S-x O"), columns("O", "Q-x O"))
    with pytest.raises(UserError, match=r"^gold sentence 1: unknown label 'B'"):
        evaluate(columns("B"), columns("O"))
    with pytest.raises(UserError, match=r"unknown label 'Q-x'"):
        strict_f1(columns("O"), columns("Q-x"))


def test_choosing_the_epoch_is_fast() -> None:
    gold = columns("B-x I-x E-x O O O S-y O O O O O O O O O O O O O") * 5_000
    start = time.perf_counter()
    assert strict_f1(gold, gold) == 100.0
    assert time.perf_counter() - start < 1.0


def test_light_import() -> None:
    heavy = "import sys, metalstm.scoring; sys.exit(bool({'seqeval', 'sklearn', 'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", heavy], check=False).returncode == 0
