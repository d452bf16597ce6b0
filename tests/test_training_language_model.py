"""Learning a language model."""

import math

import numpy as np
import pytest
import torch

from metalstm.errors import UserError
from metalstm.nn.batch import Array
from metalstm.stages.language_model import shares
from metalstm.training import language_model
from metalstm.training.language_model import learn
from metalstm.training.options import LanguageModelOptions

OPTIONS = LanguageModelOptions(hidden_size=12, size=6, negative=8, batch_size=8, learning_rate=0.05)
WORDS = 6
VECTORS = torch.from_numpy(np.random.default_rng(0).normal(size=(WORDS, 10)).astype(np.float32))


def counting() -> list[Array]:
    """Sentences in which every word but the first follows from the one before, and ends follow from lengths."""
    starts = np.random.default_rng(1).integers(WORDS, size=2000)
    return [((start + np.arange(5)) % WORDS).astype(np.int32) for start in starts]


def test_it_learns_what_follows_and_what_went_before() -> None:
    learned = learn(counting(), VECTORS, OPTIONS)
    assert learned.perplexity_forward < 1.5
    assert learned.perplexity_backward < 1.5
    assert learned.tokens == 1800 * 5


def test_the_same_seed_gives_the_same_weights() -> None:
    one, other = (learn(counting(), VECTORS, OPTIONS).contextual.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    third = learn(counting(), VECTORS, OPTIONS.model_copy(update={"seed": 2})).contextual.state_dict()
    assert any(not torch.equal(one[name], third[name]) for name in one)


@pytest.mark.parametrize("sentences", [[], [[0]], [[WORDS + 1] * 3] * 20])
def test_text_without_words_to_learn_from_is_refused(sentences: list[list[int]]) -> None:
    with pytest.raises(UserError, match="no two words that have a vector"):
        learn([np.array(sentence, dtype=np.int32) for sentence in sentences], VECTORS, OPTIONS)


def test_too_few_sentences_to_hold_some_out_are_learned_all_the_same() -> None:
    learned = learn(counting()[:3], VECTORS, OPTIONS)
    assert learned.tokens == 3 * 5
    assert math.isnan(learned.perplexity_forward)
    assert all(value.isfinite().all() for value in learned.contextual.state_dict().values())


def test_how_many_scores_are_in_memory_changes_no_perplexity(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = counting()
    for number, sentence in enumerate(sentences):  # words that are no answers, in some sentences more than in others
        sentence[: number % 5] = WORDS + 1
    together = learn(sentences, VECTORS, OPTIONS)
    monkeypatch.setattr(language_model, "SCORES_AT_ONCE", 1)
    alone = learn(sentences, VECTORS, OPTIONS)
    assert alone.perplexity_forward == pytest.approx(together.perplexity_forward)
    assert alone.perplexity_backward == pytest.approx(together.perplexity_backward)


@pytest.mark.parametrize(
    ("tokens", "wanted", "expected"),
    [
        ([10, 40, 1000], 300, [1.0, 1.0, 0.25]),
        ([100, 100], 50, [0.25, 0.25]),
        ([10, 20], 1000, [1.0, 1.0]),
        ([0, 100], 50, [0.0, 0.5]),
    ],
)
def test_small_texts_are_read_whole(tokens: list[int], wanted: int, expected: list[float]) -> None:
    assert shares(tokens, wanted) == expected
