import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring.consistency import LEAST_SHARE, WINDOW, consistent
from metalstm.scoring.entities import Entity, strict_entities
from metalstm.scoring.labels import sentence_labels

FOUND = (["gout"], ["S-Disease"])
MISSED = (["gout"], ["O"])
OTHER = (["and"], ["O"])
Sentences = list[tuple[list[str], list[str]]]


def relabelled(sentences: Sentences) -> list[list[str]]:
    return consistent([tokens for tokens, _ in sentences], [labels for _, labels in sentences])


@st.composite
def predictions(draw: st.DrawFn) -> Sentences:
    """Sentences of very few words, so that names recur, overlap and hold one another; valid IOBES."""
    sentences = []
    for _ in range(draw(st.integers(0, 8))):
        tokens = draw(st.lists(st.sampled_from(["gout", "lung", "x"]), max_size=7))
        entities, position = [], 0
        while position < len(tokens):
            size = draw(st.integers(0, min(3, len(tokens) - position)))
            if size:
                entities.append(Entity(draw(st.sampled_from("AB")), position, position + size))
            position += max(size, 1)
        sentences.append((tokens, sentence_labels(entities, len(tokens))))
    return sentences


@given(predictions())
def test_valid_iobes_stays_valid_and_what_is_predicted_stays(sentences: Sentences) -> None:
    for (tokens, labels), changed in zip(sentences, relabelled(sentences), strict=True):
        found = strict_entities(changed)
        assert sentence_labels(found, len(tokens)) == changed
        assert set(strict_entities(labels)) <= set(found)


@given(predictions())
def test_what_is_added_is_predicted_elsewhere_at_least_twice(sentences: Sentences) -> None:
    names = [
        (tuple(tokens[entity.start : entity.end])) for tokens, labels in sentences for entity in strict_entities(labels)
    ]
    for (tokens, labels), changed in zip(sentences, relabelled(sentences), strict=True):
        for entity in set(strict_entities(changed)) - set(strict_entities(labels)):
            name = tuple(tokens[entity.start : entity.end])
            assert names.count(name) >= 2
            assert len("".join(name)) >= 3


@given(st.lists(st.lists(st.sampled_from(["O", "B-A", "I-A", "E-A", "S-B"]), max_size=5), max_size=5))
def test_no_label_but_o_is_ever_changed_whatever_was_predicted(labels: list[list[str]]) -> None:
    tokens = [["gout"] * len(sentence) for sentence in labels]
    for before, after in zip(labels, consistent(tokens, labels), strict=True):
        assert [new for old, new in zip(before, after, strict=True) if old != "O"] == [x for x in before if x != "O"]


def test_a_name_found_twice_nearby_is_labelled_at_its_other_occurrence() -> None:
    sentences = [
        (["lung", "cancer"], ["B-Disease", "E-Disease"]),
        (["no", "lung", "cancer", "here"], ["O", "O", "O", "O"]),
        (["lung", "cancer", "cells"], ["B-Disease", "E-Disease", "O"]),
        (["Lung", "cancer"], ["O", "O"]),
    ]
    assert relabelled(sentences)[1] == ["O", "B-Disease", "E-Disease", "O"]
    assert relabelled(sentences)[3] == ["O", "O"]
    assert relabelled(sentences[:2])[1] == ["O"] * 4


def test_only_sentences_within_the_window_bear_on_an_occurrence() -> None:
    within, beyond = [OTHER] * (WINDOW - 2), [OTHER] * (WINDOW - 1)
    assert relabelled([FOUND, FOUND, *beyond, MISSED])[-1] == ["O"]
    assert relabelled([FOUND, FOUND, *within, MISSED])[-1] == ["S-Disease"]
    assert relabelled([MISSED, *within, FOUND, FOUND])[0] == ["S-Disease"]
    assert relabelled([MISSED, *beyond, FOUND, FOUND])[0] == ["O"]


def test_a_word_that_is_mostly_no_name_is_left_alone() -> None:
    fewest = round(LEAST_SHARE * 10)
    assert relabelled([FOUND] * fewest + [MISSED] * (10 - fewest))[-1] == ["S-Disease"]
    assert relabelled([FOUND] * fewest + [MISSED] * (11 - fewest))[-1] == ["O"]


def test_a_short_name_is_left_alone() -> None:
    assert relabelled([(["p", "5"], ["B-Gene", "E-Gene"])] * 2 + [(["p", "5"], ["O", "O"])])[-1] == ["O", "O"]
    assert relabelled([(["p", "53"], ["B-Gene", "E-Gene"])] * 2 + [(["p", "53"], ["O", "O"])])[-1][0] == "B-Gene"


def test_the_leftmost_is_labelled_and_then_the_longest_where_nothing_is_predicted() -> None:
    names = [
        (["acute", "gout", "attack"], ["B-A", "I-A", "E-A"]),
        (["acute", "gout"], ["B-A", "E-A"]),
        (["attack", "rate"], ["B-B", "E-B"]),
    ] * 2
    open_text = (["acute", "gout", "attack", "rate"], ["O"] * 4)
    assert relabelled([*names, open_text])[-1] == ["B-A", "I-A", "E-A", "O"]
    predicted = (open_text[0], ["O", "O", "S-B", "O"])
    assert relabelled([*names, predicted])[-1] == ["B-A", "E-A", "S-B", "O"]


def test_the_most_frequent_type_is_taken_and_of_equals_the_first_in_the_alphabet() -> None:
    other = (["gout"], ["S-Ailment"])
    assert relabelled([other, FOUND, FOUND, MISSED])[-1] == ["S-Disease"]
    assert relabelled([FOUND, FOUND, other, other, MISSED])[-1] == ["S-Ailment"]


def test_a_species_and_its_abbreviation_are_one_name() -> None:
    full, short = ["Ascaris", "suum", "eggs"], ["of", "A", ".", "suum"]
    found = (full, ["B-Species", "E-Species", "O"])
    assert relabelled([found, found, (short, ["O"] * 4)])[-1] == ["O", "B-Species", "I-Species", "E-Species"]
    found = (short, ["O", "B-Species", "I-Species", "E-Species"])
    assert relabelled([found, (full, ["O"] * 3), found])[1] == ["B-Species", "E-Species", "O"]
    other = (["Bufo", "suum"], ["O", "O"])
    assert relabelled([found, other, found])[1] == ["O", "O"]
    two = [(full, ["O"] * 3), (["Acarus", "suum"], ["O", "O"])]
    assert relabelled([found, found, *two])[2:] == [labels for _, labels in two]


def test_labels_of_other_sentences_are_refused() -> None:
    with pytest.raises(UserError, match="sentence 1"):
        consistent([["gout"]], [["O", "O"]])
