"""Names that labelled text has, labelled elsewhere too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.corpora.schemes import faults
from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.known import known, known_names
from metalstm.scoring.labels import entity_labels, sentence_labels

LABELLED = {
    "gout": [True] * 4 + [False],
    "cold": [True] * 3 + [False],
    "flu": [True],
    "MS": [True] * 9,
}


def test_a_name_is_known_if_four_of_five_places_are_labelled_and_it_has_three_characters() -> None:
    places = [(word, is_labelled) for word, labels in LABELLED.items() for is_labelled in labels]
    tokens, labels = [[word] for word, _ in places], [["S-D" if is_labelled else "O"] for _, is_labelled in places]
    assert known_names(tokens, labels) == {("gout",): "D", ("Gout",): "D", ("flu",): "D"}


def test_a_name_is_known_with_and_without_a_capital_but_where_the_text_says_otherwise() -> None:
    text = {
        "mice cells": True,
        "Fly wing": True,
        "zebra": True,
        "Zebra": False,
        "Rats": True,
        "p53 gene": True,
        "HeLa": True,
    }
    tokens = [name.split() for name in text]
    labels = [entity_labels("D", len(words)) if text[" ".join(words)] else ["O"] * len(words) for words in tokens]
    found = {" ".join(form) for form in known_names(tokens, labels)}
    assert found == {"mice cells", "Mice cells", "Fly wing", "zebra", "Rats", "rats", "p53 gene", "HeLa"}


def test_a_known_name_has_its_most_frequent_type() -> None:
    tokens = [["breast", "cancer"]] * 3
    names = known_names(tokens, [["B-A", "E-A"], ["B-C", "E-C"], ["B-C", "E-C"]])
    assert names == {("breast", "cancer"): "C", ("Breast", "cancer"): "C"}


def test_a_part_of_a_longer_mention_is_a_place_without_a_label_of_its_own() -> None:
    tokens = [["cancer"], ["breast", "cancer"], ["lung", "cancer"]]
    names = known_names(tokens, [["S-D"], ["B-D", "E-D"], ["B-D", "E-D"]])
    assert {first for first, *_ in names} == {"breast", "Breast", "lung", "Lung"}


def test_names_are_labelled_where_nothing_is_predicted_the_leftmost_and_longest() -> None:
    names = {("a", "b"): "X", ("a", "b", "c"): "Y", ("b",): "Z", ("d",): "W"}
    assert known([["a", "b", "c", "b", "d"]], [["O", "O", "O", "O", "S-P"]], names) == [
        ["B-Y", "I-Y", "E-Y", "S-Z", "S-P"]
    ]
    assert known([["a", "b", "c"]], [["O", "O", "S-P"]], names) == [["B-X", "E-X", "S-P"]]


words = st.sampled_from("abc")
rows = st.lists(st.tuples(words, st.booleans()), max_size=8)
forms = st.lists(words, min_size=1, max_size=3).map(tuple)


@given(st.lists(rows, max_size=4), st.dictionaries(forms, st.sampled_from(["X", "Y"]), max_size=4))
def test_predictions_stay_and_labels_stay_valid(drawn: list[list[tuple[str, bool]]], names: dict) -> None:
    tokens = [[word for word, _ in row] for row in drawn]
    labels = [["S-P" if is_found else "O" for _, is_found in row] for row in drawn]
    changed = known(tokens, labels, names)
    for words, before, after in zip(tokens, labels, changed, strict=True):
        assert not faults(after, "iobes")
        found = strict_entities(after)
        assert set(strict_entities(before)) <= set(found)
        assert after == sentence_labels(found, len(words))
        for kind, start, end in set(found) - set(strict_entities(before)):
            assert names[tuple(words[start:end])] == kind


def test_as_many_labels_as_tokens_are_asked_for() -> None:
    with pytest.raises(UserError):
        known([["a"]], [[]], {})
