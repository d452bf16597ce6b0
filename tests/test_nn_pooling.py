"""Contextual vectors averaged over the other places of a word in its file."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from metalstm.nn.batch import Array, Numbered, collate, number
from metalstm.nn.context import SentenceContext
from metalstm.nn.pooling import pooled
from metalstm.nn.tagger import Tagger
from test_nn_language_model import LEXICON, OPTIONS, contextual, tagger, vector_of

FILE = [["pain", "stops"], ["aspirin"], ["pain", "pain"], ["IL-2", "aspirin"]]


def pooling(window: int) -> tuple[Tagger, SentenceContext]:
    torch.manual_seed(0)
    vectors = torch.randn(len(LEXICON.words), 6)
    model = Tagger(LEXICON, OPTIONS.model_copy(update={"pooling_window": window}), vectors).eval()
    assert model.context is not None
    model.context.begin(contextual().state_dict(), vector_of(vectors))
    return model, model.context


@given(st.lists(st.lists(st.integers(0, 3), max_size=5), max_size=9), st.integers(1, 4))
def test_a_mean_is_over_every_place_of_the_word_within_the_window(words: list[list[int]], window: int) -> None:
    draw = np.random.default_rng(0)
    features: list[Array] = [draw.normal(size=(len(sentence), 2)).astype(np.float16) for sentence in words]
    found = pooled(features, [np.array(sentence, dtype=np.int64) for sentence in words], window)
    assert [len(means) for means in found] == [len(sentence) for sentence in words]
    for here, sentence in enumerate(words):
        for place, word in enumerate(sentence):
            near = [
                features[there][other].astype(np.float64)
                for there in range(max(0, here - window), min(len(words), here + window + 1))
                for other, same in enumerate(words[there])
                if same == word
            ]
            np.testing.assert_allclose(found[here][place], np.mean(near, axis=0), atol=2e-3)


def test_means_follow_a_tokens_own_features() -> None:
    model, context = pooling(window=1)
    sentences = number(LEXICON, FILE)
    with model.reading(sentences):
        found = context(sentences.batch([0, 2]), model.words.weight)
    alone, size = collate(LEXICON, [FILE[0], FILE[2]]), OPTIONS.context.size if OPTIONS.context else 0
    own = context.compute(number(LEXICON, FILE), range(4), model.words.weight)
    assert found.shape == (*alone.words.shape, 2 * size)
    assert torch.equal(found[0, :, :size], torch.from_numpy(own[0]).float())
    # Two sentences apart, and so beyond the window; in the third sentence *pain* has two places.
    assert torch.equal(found[0, 0, size:], found[0, 0, :size])
    torch.testing.assert_close(found[1, 0, size:], found[1, :, :size].mean(dim=0), atol=1e-3, rtol=0)
    assert torch.equal(found[1, 0, size:], found[1, 1, size:])


def test_no_mean_reaches_into_another_file() -> None:
    _, context = pooling(window=3)
    together, first, last = number(LEXICON, FILE), number(LEXICON, FILE[:2]), number(LEXICON, FILE[2:])
    table = torch.randn(len(LEXICON.words), 6)
    for sentences, files in ((together, [2, 2]), (first, [2]), (last, [2])):
        context.remember(sentences, table)
        context.pool(sentences, files)
    assert together.pooled is not None
    assert first.pooled is not None
    assert last.pooled is not None
    np.testing.assert_array_equal(together.pooled, np.concatenate([first.pooled, last.pooled]))


def test_the_same_sentence_is_tagged_by_the_company_its_words_keep() -> None:
    model, _ = pooling(window=5)
    scores = []
    for file in ([["pain"], ["pain", "stops", "pain"]], [["pain"], ["aspirin"]]):
        sentences = number(LEXICON, file)
        with model.reading(sentences), torch.no_grad():
            scores.append(model.emissions(sentences.batch([0])))
    assert not torch.equal(*scores)


def test_nothing_of_a_file_is_kept_when_it_has_been_read(monkeypatch: pytest.MonkeyPatch) -> None:
    model, context = pooling(window=2)
    context.remember(number(LEXICON, FILE[:1]), model.words.weight)
    computed: list[list[int]] = []

    def compute(sentences: Numbered, rows: list[int], table: Tensor) -> list[Array]:
        computed.append(rows)
        return SentenceContext.compute(context, sentences, rows, table)

    monkeypatch.setattr(context, "compute", compute)
    for _ in range(2):
        with model.reading(number(LEXICON, FILE)):
            pass
    assert computed == [[1, 2, 3], [1, 2, 3]]


def test_a_batch_of_no_file_is_refused() -> None:
    model, _ = pooling(window=2)
    with pytest.raises(ValueError, match="`reading`"):
        model.decode(collate(LEXICON, FILE))
    assert tagger().decode(collate(LEXICON, FILE))
