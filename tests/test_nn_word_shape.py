"""Shapes of words."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metalstm.nn.batch import collate
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.word_shape import SHAPES, Case, WordShape

LEXICON = Lexicon.build([(("aZ", "bY", "cX", "µ", "7", "-", "一"), ("O",) * 7)])


def shape_of(*words: str) -> list[int]:
    torch.manual_seed(0)
    batch = collate(LEXICON, [words])
    by_word = WordShape(LEXICON.characters, 3).shapes(batch.spellings, batch.spelling_lengths)
    return [int(by_word[row]) for row in batch.spelling_of[0]]


@pytest.mark.parametrize(
    ("word", "case", "has_digit", "has_sign"),
    [
        ("abc", Case.LOWER, False, False),
        ("XYZ", Case.UPPER, False, False),
        ("X", Case.UPPER, False, False),
        ("Xab", Case.INITIAL, False, False),
        ("aX", Case.MIXED, False, False),
        ("XaY", Case.MIXED, False, False),
        ("µ", Case.LOWER, False, False),
        ("X-7", Case.UPPER, True, True),
        ("7", Case.NONE, True, False),
        ("--", Case.NONE, False, True),
        ("一", Case.NONE, False, False),
        ("Q", Case.NONE, False, False),  # a character that training text did not have
    ],
)
def test_shapes_are_told_apart(word: str, case: Case, has_digit: bool, has_sign: bool) -> None:
    assert shape_of(word) == [(case * 2 + has_digit) * 2 + has_sign]


@given(st.lists(st.text("abcXYZ7-一", min_size=1, max_size=9), min_size=1, max_size=6))
def test_a_word_has_the_same_shape_alone_and_among_longer_ones(words: list[str]) -> None:
    together = shape_of(*words)
    assert together == [shape_of(word)[0] for word in words]
    assert all(0 <= shape < SHAPES for shape in together)


def test_words_of_one_shape_share_features_that_learn() -> None:
    torch.manual_seed(0)
    module = WordShape(LEXICON.characters, 3)
    batch = collate(LEXICON, [("ab", "cab", "Xa")])
    features = module(batch.spellings, batch.spelling_lengths)[batch.spelling_of[0]]
    assert torch.equal(features[0], features[1])
    assert not torch.equal(features[0], features[2])
    features.sum().backward()
    gradient = module.embedding.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).sum() == 2
