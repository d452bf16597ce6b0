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


GREEK = ("TNF", "-", "α", "rose", "by", "5", "µ", "M", "±", "2", "in", "naïve", "mice", "on", "day", "3", ".")
WRITTEN_OUT = tuple({"α": "alpha", "µ": "micro", "±": "+/-", "naïve": "naive"}.get(token, token) for token in GREEK)
PRINTED = "So it was. TNF‐α rose by 5 µM ± 2 in nai\u0308ve mice on day 3."


def test_a_sentence_that_a_corpus_wrote_out_in_ascii_is_found_as_it_is_printed():
    for sentence in (GREEK, WRITTEN_OUT):
        kept = held(sentence)
        assert kept.within(PRINTED)
        assert kept.within(" ".join(WRITTEN_OUT))
        assert kept.elsewhere(GREEK, "b")
        assert kept.elsewhere(WRITTEN_OUT, "b")
        assert len(kept) == 1
    assert not held(GREEK).within(PRINTED.replace("α", "β"))


def test_a_sign_that_is_spelled_with_a_letter_may_be_another_sign():
    sentence = ("All", "of", "the", "seeds", "were", "sown", "in", "5", "×", "10", "pots", ".")
    assert held(sentence).within("All of the seeds were sown in 5 * 10 pots.")


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
