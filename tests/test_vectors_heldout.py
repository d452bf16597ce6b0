import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.vectors.heldout import HeldOut

SENTENCE = ("Aspirin", "reduced", "5-HT2A", "levels", "in", "these", "patients", ".")
HEADING = ("Materials", "and", "methods", ".")
LONG_HEADING = ("Electroencephalographicmonitoring", "procedures", ".")


def held(*sentences, corpus="a"):
    kept = HeldOut()
    for sentence in sentences:
        kept.add(sentence, corpus)
    return kept


@pytest.mark.parametrize(
    "text",
    [
        "Aspirin reduced 5-HT2A levels in these patients.",
        "We looked on. ASPIRIN reduced 5 - ht2a levels\tin these (patients); and so on.",
        "levels in. Aspirin reduced Aspirin reduced 5-HT2A levels in these patients",
    ],
)
def test_a_sentence_is_found_however_it_is_set(text):
    assert held(SENTENCE).within(text)


@pytest.mark.parametrize(
    "text",
    ["", "...", "Aspirin reduced 5-HT2A levels in these", "Aspirin reduced 5-HT2B levels in these patients."],
)
def test_other_text_is_not_taken_for_it(text):
    assert not held(SENTENCE).within(text)


def test_headings_do_not_count():
    kept = held(HEADING, LONG_HEADING, ("a", "b", "c", "d", "e", "f"))
    assert len(kept) == 0
    assert not kept.within("Materials and methods. Electroencephalographicmonitoring procedures.")


def test_a_sentence_of_several_corpora_counts_once():
    kept = held(SENTENCE, SENTENCE)
    kept.add(SENTENCE, "b")
    assert len(kept) == 1


def test_a_corpus_is_compared_with_the_others():
    assert not held(SENTENCE, corpus="a").elsewhere(SENTENCE, "a")
    assert held(SENTENCE, corpus="b").elsewhere([token.upper() for token in SENTENCE], "a")
    assert not held(SENTENCE, corpus="b").elsewhere(SENTENCE[1:], "a")


words = st.text("abAB1-β.", min_size=1, max_size=12)


@given(before=st.lists(words), inside=st.lists(words, min_size=1, max_size=12), after=st.lists(words))
def test_what_was_kept_is_found_between_anything(before, inside, after):
    kept = held(inside)
    if len(kept):
        assert kept.within(" ".join([*before, *inside, *after]))
