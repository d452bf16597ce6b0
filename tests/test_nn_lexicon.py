"""Names and their numbers."""

import pytest

from metalstm.errors import UserError
from metalstm.nn.lexicon import PADDING, RESERVED, UNKNOWN, Lexicon

SENTENCES = [
    (["Aspirin", "and", "Il-0", "and"], ["S-chem", "O", "S-gene", "O"]),
    (["aspirin", "or", "x"], ["S-chem", "O", "O"]),
]


def test_ids_are_positions_and_the_first_two_are_reserved() -> None:
    lexicon = Lexicon.build(SENTENCES, extra_words=["zinc", "and"], corpora=["b", "a"])
    assert lexicon.words == (*RESERVED, "and", "Aspirin", "Il-0", "aspirin", "or", "x", "zinc")
    assert lexicon.characters[:2] == RESERVED
    assert set(lexicon.characters[2:]) == set("AspirinandIl-0orx")
    assert lexicon.labels == ("O", "S-chem", "S-gene")
    assert lexicon.corpora == ("b", "a")
    for number, word in enumerate(lexicon.words[2:], start=2):
        assert lexicon.word_id(word) == number
    assert [lexicon.label_id(label) for label in lexicon.labels] == [0, 1, 2]
    assert lexicon.corpus_id("a") == 1


def test_a_word_is_sought_as_written_then_lower_then_with_zeros() -> None:
    lexicon = Lexicon(words=(*RESERVED, "And", "and", "il-00"), characters=RESERVED, labels=("O",))
    assert lexicon.word_id("And") == 2
    assert lexicon.word_id("AND") == 3
    assert lexicon.word_id("IL-12") == 4
    assert lexicon.word_id("il-1") == UNKNOWN


def test_tokens_spelled_like_the_reserved_rows_are_ordinary_words() -> None:
    assert Lexicon.build(SENTENCES).word_id("<padding>") == UNKNOWN
    lexicon = Lexicon.build([(["<padding>", "<unknown>"], ["O", "O"])])
    assert {lexicon.word_id("<padding>"), lexicon.word_id("<unknown>")} == {2, 3}


def test_order_does_not_depend_on_the_order_of_sentences() -> None:
    assert Lexicon.build(SENTENCES) == Lexicon.build(SENTENCES[::-1])


def test_extra_words_bring_no_characters() -> None:
    assert Lexicon.build(SENTENCES, extra_words=["§"]).characters == Lexicon.build(SENTENCES).characters


def test_a_long_word_is_read_from_both_ends() -> None:
    lexicon = Lexicon.build([(["abc"], ["O"])])
    a, b, c = lexicon.spelling("abc")
    assert lexicon.spelling("a" * 32 + "b" * 32) == [a] * 32 + [b] * 32
    assert lexicon.spelling("a" * 40 + "?" * 500 + "c" * 40) == [a] * 32 + [c] * 32
    assert lexicon.spelling("a?") == [a, UNKNOWN]
    assert PADDING not in lexicon.spelling("abc")


def test_unknown_labels_and_corpora_are_the_users_mistake() -> None:
    lexicon = Lexicon.build(SENTENCES, corpora=["NCBI-disease"])
    with pytest.raises(UserError, match=r"'B-chem'.*S-chem"):
        lexicon.label_id("B-chem")
    with pytest.raises(UserError, match=r"'CRAFT'.*NCBI-disease"):
        lexicon.corpus_id("CRAFT")
