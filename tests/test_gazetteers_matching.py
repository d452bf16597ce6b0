"""Names of lists in sentences: beside a search that tries every name at every token."""

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.gazetteers import matching
from metalstm.gazetteers.matching import BEGIN, END, INSIDE, LONGEST, OUTSIDE, SINGLE, Gazetteers, keys, normal_form

Names = list[list[str]]

WORDS = st.sampled_from(["cell", "Cells", "ALL", "all", "T", "of", "17", "-", "E"])
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=6)
SENTENCES = st.lists(st.lists(WORDS, max_size=8), max_size=5)


def together(**lists: Names) -> Gazetteers:
    return Gazetteers.together({name: keys(names) for name, names in lists.items()})


def places(names: Names, *sentences: str) -> list[list[int]]:
    tokens = [sentence.split() for sentence in sentences]
    found = together(only=names).places(tokens)[:, 0].tolist()
    return [[found.pop(0) for _ in sentence] for sentence in tokens]


def searched(names: Names, sentence: Sequence[str]) -> list[int]:
    """From the left, the longest of all names that stand there."""
    looked_for = {
        tuple(map(normal_form, name))
        for name in names
        if any(character.isalpha() for token in name for character in token) and (len(name) > 1 or len(name[0]) > 2)
    }
    found = [OUTSIDE] * len(sentence)
    start = 0
    while start < len(sentence):
        for length in range(len(sentence) - start, 0, -1):
            if tuple(map(normal_form, sentence[start : start + length])) in looked_for:
                found[start : start + length] = [SINGLE] if length == 1 else [BEGIN, *[INSIDE] * (length - 2), END]
                start += length - 1
                break
        start += 1
    return found


@given(NAMES, NAMES, SENTENCES)
def test_every_list_is_searched_from_the_left_and_for_the_longest_name(one: Names, other: Names, text: Names) -> None:
    found = together(one=one, other=other).places(text)
    assert found.shape == (sum(map(len, text)), 2)
    for column, names in enumerate((one, other)):
        expected = [place for sentence in text for place in searched(names, sentence)]
        assert found[:, column].tolist() == expected


def test_a_name_ends_with_its_sentence() -> None:
    assert places([["heart", "attack"]], "his heart", "attack") == [[OUTSIDE, OUTSIDE], [OUTSIDE]]


@pytest.mark.parametrize(
    ("token", "form"),
    [
        ("Zebrafish", "zebrafish"),
        ("macrophages", "macrophage"),
        ("Cells", "cell"),
        ("ALL", "ALL"),
        ("HeLa", "HeLa"),
        ("siRNAs", "siRNAs"),
        ("E", "e"),
        ("virus", "virus"),
        ("mitosis", "mitosis"),
        ("mass", "mass"),
        ("gas", "gas"),
        ("17", "17"),
    ],
)
def test_plural_and_first_capital_do_not_tell_names_apart(token: str, form: str) -> None:
    assert normal_form(token) == form


def test_what_is_not_looked_for() -> None:
    longest = ["alpha"] * LONGEST
    assert len(keys([longest])) == 1
    assert not len(keys([[*longest, "alpha"], ["Ca"], ["1", "-", "2"], ["17"]]))


def test_a_list_of_many_names_in_any_order_is_the_same() -> None:
    names = [[str(number), "cell"] for number in range(1000)]
    assert np.array_equal(keys(names), keys([*names[::-1], names[0]]))


def test_names_have_the_same_numbers_in_another_process() -> None:
    program = "from metalstm.gazetteers.matching import keys; print(keys([['T', 'cell'], ['zebrafish']]).tolist())"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == str(keys([["T", "cell"], ["zebrafish"]]).tolist())


def test_without_names_or_text_there_is_nothing() -> None:
    assert together(only=[]).places([["T", "cell"]]).tolist() == [[OUTSIDE], [OUTSIDE]]
    assert together(only=[["T", "cell"]]).places([[]]).shape == (0, 1)
    assert matching.NONE.places([["T", "cell"]]).shape == (2, 0)


def test_more_lists_than_there_are_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 32"):
        Gazetteers.together({str(number): keys([]) for number in range(33)})
