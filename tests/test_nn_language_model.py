"""The language model, and what a tagger reads of it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn import context
from metalstm.nn.batch import Array, Batch, collate, number
from metalstm.nn.language_model import ContextualVectors, LanguageModel
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions, ContextOptions, DropoutOptions, TaggerOptions
from metalstm.nn.tagger import Tagger

TOKENS = [["<a>", "aspirin", "stops", "pain", "</a>"], ["<a>", "IL-2", "</a>"], ["<a>", "pain", "pain", "</a>"]]
PLAIN = [tokens[1:-1] for tokens in TOKENS]
LABELS = [["S-a", *("S-x" for _ in tokens[2:]), "S-a"] for tokens in TOKENS]
LEXICON = Lexicon.build(zip(TOKENS, LABELS, strict=True))
CONTEXT = ContextOptions(hidden_size=5, size=4)
OPTIONS = TaggerOptions(
    word_size=6,
    hidden_size=7,
    tune_words=False,
    characters=CharacterOptions(embedding_size=4, size=6),
    dropout=DropoutOptions(input=0.0, output=0.0),
    context=CONTEXT,
)


def contextual() -> ContextualVectors:
    torch.manual_seed(3)
    found = ContextualVectors(6, CONTEXT)
    found.summarise(torch.randn(50, 10) @ torch.randn(10, 10), spread=0.3)
    return found


def tagger(unknown: str = "IL-2") -> Tagger:
    torch.manual_seed(0)
    vectors = torch.randn(len(LEXICON.words), 6)
    vectors[LEXICON.word_id(unknown)] = math.nan
    model = Tagger(LEXICON, OPTIONS, vectors)
    assert model.context is not None
    tags = [LEXICON.word_id(tag) for tag in ("<a>", "</a>")]
    model.context.begin(contextual().state_dict(), vector_of(vectors), tags)
    return model


def vector_of(vectors: Tensor) -> Array:
    """Numbers of vectors that are given in the order of the words."""
    known = ~vectors.isnan().any(dim=1).numpy()
    return np.where(known, np.cumsum(known) - 1, -1)


def features(model: Tagger, batch: Batch) -> Tensor:
    assert model.context is not None
    found: Tensor = model.context(model.placed(batch), model.words.weight)
    return found


def test_task_tags_are_not_read_and_have_no_features() -> None:
    model = tagger()
    tagged, plain = features(model, collate(LEXICON, TOKENS)), features(model, collate(LEXICON, PLAIN))
    for row, tokens in enumerate(TOKENS):
        last = len(tokens) - 1
        assert torch.equal(tagged[row, 1:last], plain[row, : last - 1])
        assert not tagged[row, [0, last]].any()
        assert plain[row, : last - 1].any()


def test_what_one_tagger_computed_serves_another_that_reads_the_same() -> None:
    model, other = tagger(), tagger()
    assert model.context is not None
    assert other.context is not None
    plain = number(LEXICON, [*PLAIN[:2], ["pain", "never-seen"]])
    keys = [read.tobytes() for read in model.context.read(plain)]
    computed = dict(zip(keys, model.context.compute(plain, range(3), model.words.weight), strict=True))
    expected = features(other, collate(LEXICON, TOKENS[:2]))
    with torch.no_grad():
        other.context.vectors.unknown += 1.0
    other.context.recall(number(LEXICON, TOKENS), computed)
    assert torch.equal(features(other, collate(LEXICON, TOKENS[:2])), expected)


@pytest.mark.parametrize("at_once", [1, 5, 7, 10])
def test_sentences_are_read_some_after_the_other_with_the_same_features(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    model = tagger()
    together = features(model, collate(LEXICON, TOKENS))
    monkeypatch.setattr(context, "TOKENS_AT_ONCE", at_once)
    assert torch.equal(features(model, collate(LEXICON, TOKENS)), together)
    assert model.context is not None
    alone = model.context.compute(number(LEXICON, TOKENS), [2, 0, 1], model.words.weight)
    for row, found in zip([2, 0, 1], alone, strict=True):
        assert torch.equal(torch.from_numpy(found).float(), together[row, : len(TOKENS[row])])


def test_a_word_without_a_vector_is_read_as_unknown() -> None:
    model = tagger()
    before = features(model, collate(LEXICON, PLAIN[1:2]))
    with torch.no_grad():
        model.words.weight[LEXICON.word_id("IL-2")] += 1.0
    assert torch.equal(before, features(model, collate(LEXICON, PLAIN[1:2])))
    assert torch.equal(before, features(model, collate(LEXICON, [["never-seen"]])))


def test_what_is_remembered_is_not_computed_again_and_is_the_same() -> None:
    model = tagger()
    fresh = features(model, collate(LEXICON, TOKENS))
    assert model.context is not None
    model.context.remember(number(LEXICON, TOKENS), model.words.weight)
    with torch.no_grad():
        model.context.vectors.unknown += 1.0
        model.context.vectors.mean += 1.0
    assert torch.equal(features(model, collate(LEXICON, TOKENS)), fresh)
    assert not torch.equal(features(model, collate(LEXICON, [*TOKENS, ["pain"]]))[:3], fresh)


def test_a_state_knows_the_sentence_on_one_side_only() -> None:
    model = contextual()
    vectors, known, length = torch.randn(1, 4, 6), torch.ones(1, 4, dtype=torch.bool), torch.tensor([4])
    before = model.states(vectors, known, length)
    vectors[0, 2] += 1.0
    changed = (model.states(vectors, known, length) != before).view(1, 4, 2, 5).any(dim=3)[0]
    assert changed[:, 0].tolist() == [False, False, True, True]
    assert changed[:, 1].tolist() == [True, True, True, False]


def test_components_are_uncorrelated_and_of_the_spread_that_is_asked_for() -> None:
    model = ContextualVectors(6, CONTEXT)
    states = torch.randn(200, 10) @ torch.randn(10, 10)
    model.summarise(states, spread=0.3)
    values = (states - model.mean) @ model.components
    covariance = torch.cov(values.t())
    assert torch.allclose(covariance, covariance.diag().diag(), atol=1e-5)
    assert covariance.diag().mean().sqrt().item() == pytest.approx(0.3)
    assert (covariance.diag().diff() < 0).all()


def test_the_language_model_of_a_tagger_is_not_trained() -> None:
    model = tagger()
    model.loss(collate(LEXICON, TOKENS, LABELS)).backward()  # type: ignore[no-untyped-call]
    assert model.context is not None
    assert all(parameter.grad is None for parameter in model.context.parameters())
    trained = {id(parameter) for parameter in model.dense_parameters()}
    assert not trained & {id(parameter) for parameter in model.context.parameters()}


def test_a_language_model_of_other_sizes_is_refused() -> None:
    model = tagger()
    assert model.context is not None
    other = ContextualVectors(6, ContextOptions(hidden_size=6, size=4))
    with pytest.raises(UserError, match="learn it anew"):
        model.context.begin(other.state_dict(), np.arange(len(LEXICON.words)))


def test_drawing_every_word_gives_the_exact_loss() -> None:
    torch.manual_seed(1)
    vectors = torch.randn(7, 6)
    model = LanguageModel(contextual(), vectors, torch.full((8,), 1 / 8))
    words = torch.tensor([[2, 0, model.unknown], [5, model.boundary, model.boundary]])
    lengths = torch.tensor([3, 1])
    after, before = model.loss(words, lengths, torch.arange(8), torch.zeros(8))

    states = model.states(words, lengths)
    outputs = torch.cat([vectors, model.boundary_vector[None]])
    scores = [
        torch.log_softmax(project(side) @ outputs.t() + model.bias, dim=2)
        for project, side in zip(model.projections, states.chunk(2, dim=2), strict=True)
    ]
    end = model.boundary
    # The unknown word is read, and predicted by neither direction.
    wanted_after = [scores[0][0, 0, 0], scores[0][0, 2, end], scores[0][1, 0, end]]
    wanted_before = [scores[1][0, 0, end], scores[1][0, 1, 2], scores[1][0, 2, 0], scores[1][1, 0, end]]
    assert torch.allclose(after, -torch.stack(wanted_after).mean(), atol=1e-5)
    assert torch.allclose(before, -torch.stack(wanted_before).mean(), atol=1e-5)
