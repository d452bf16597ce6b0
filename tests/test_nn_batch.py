"""Sentences as tensors."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.nn.batch import Batch, collate, number, real
from metalstm.nn.lexicon import UNKNOWN, Lexicon

LEXICON = Lexicon.build([(["the", "cell", "The", "p53"], ["O", "O", "O", "S-gene"])], corpora=["a", "b"])
TOKENS = [["the", "cell"], ["p53", "the", "unseen", "the"]]
META = torch.device("meta")


def test_words_labels_and_lengths_are_padded_with_zeros() -> None:
    batch = collate(LEXICON, TOKENS, [["O", "O"], ["S-gene", "O", "O", "O"]], ["b", "a"])
    ids = LEXICON.word_id
    assert batch.words.tolist() == [[ids("the"), ids("cell"), 0, 0], [ids("p53"), ids("the"), UNKNOWN, ids("the")]]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.labels is not None
    assert batch.labels.tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert batch.corpus.tolist() == [1, 0]
    for tensor in (batch.words, batch.lengths, batch.spellings, batch.spelling_of, batch.labels, batch.corpus):
        assert tensor.dtype == torch.int64


@given(st.lists(st.lists(st.text("abT5é", min_size=1, max_size=70), min_size=1, max_size=6), min_size=1, max_size=4))
def test_each_distinct_word_is_spelled_once(tokens: list[list[str]]) -> None:
    batch = collate(LEXICON, tokens)
    assert len(batch.spellings) == len({word for sentence in tokens for word in sentence})
    for row, sentence in enumerate(tokens):
        for position, word in enumerate(sentence):
            spelling = int(batch.spelling_of[row, position])
            length = int(batch.spelling_lengths[spelling])
            assert batch.spellings[spelling, :length].tolist() == LEXICON.spelling(word)
            assert not batch.spellings[spelling, length:].any()
    assert batch.spelling_lengths.min() >= 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_a_batch_of_numbered_sentences_is_the_one_collated_from_them(rows: list[int]) -> None:
    tokens = [
        ["the", "cell"],
        ["x"],
        ["p53", "the", "unseen", "the"],
        ["The"] * 3,
        ["unseen", "cells"],
        ["a" * 90, "x"],
    ]
    labels = [["S-gene" if word == "p53" else "O" for word in sentence] for sentence in tokens]
    corpora = ["a", "b", "b", "a", "b", "a"]
    batch = number(LEXICON, tokens, labels, corpora).batch(rows)
    chosen = [[column[row] for row in rows] for column in (tokens, labels, corpora)]
    expected = collate(LEXICON, *chosen)
    for name in set(Batch.__slots__) - {"pooled", "contextual"}:
        assert torch.equal(getattr(batch, name), getattr(expected, name)), name
    spelled = batch.spelled_words[batch.spelling_of]
    assert torch.equal(spelled * real(batch.lengths, spelled.shape[1]), batch.words)


def test_corpora_are_optional() -> None:
    assert collate(LEXICON, TOKENS).corpus.tolist() == [0, 0]
    alone = Lexicon.build([(["the"], ["O"])])
    assert collate(alone, TOKENS, corpora=["x", "y"]).corpus.tolist() == [0, 0]
    with pytest.raises(UserError, match="'x'"):
        collate(LEXICON, TOKENS, corpora=["x", "a"])


def test_what_does_not_fit_is_refused() -> None:
    for tokens in ([], [[]], [["the"], []], [["the", ""]]):
        with pytest.raises(ValueError, match=r"empty|at least one"):
            collate(LEXICON, tokens)
    with pytest.raises(ValueError, match="one label"):
        collate(LEXICON, TOKENS, [["O", "O"], ["O"]])
    with pytest.raises(ValueError, match="one corpus"):
        collate(LEXICON, TOKENS, corpora=["a"])
    with pytest.raises(UserError, match="'B-gene'"):
        collate(LEXICON, [["the"]], [["B-gene"]])


def test_a_batch_moves_between_devices_whole() -> None:
    batch = collate(LEXICON, TOKENS, [["O", "O"], ["O"] * 4]).to("meta")
    assert batch.labels is not None
    assert {batch.words.device.type, batch.labels.device.type, batch.spelling_of.device.type} == {"meta"}


def test_real_marks_the_elements_before_each_end() -> None:
    assert real(torch.tensor([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]


def test_a_batch_is_moved_with_all_it_has_but_the_corpus() -> None:
    labelled = collate(LEXICON, [["the", "cell"], ["x"]], [["O", "O"], ["S-gene"]], ["a", "b"])
    batch = replace(labelled, contextual=torch.ones(2, 2, 3, dtype=torch.float16))
    assert batch.to(torch.device("cpu")) is batch
    moved = batch.to(torch.device("meta"))
    here = {field.name for field in fields(moved) if getattr(getattr(moved, field.name), "device", None) != META}
    assert here == {"corpus", "pooled"}
    assert moved.pooled is None
    assert torch.equal(moved.corpus, batch.corpus)
