"""The loss of a tagger in one pass of kernels: what its parts say, forward and backward, whatever the options are."""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metalstm.gazetteers.matching import Gazetteers, keys
from metalstm.nn import compiled_characters, compiled_loss
from metalstm.nn.batch import Batch, number
from metalstm.nn.cells import compiled as compiled_cells
from metalstm.nn.cells import names
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import (
    AttentionOptions,
    CharacterOptions,
    ContextOptions,
    CrfOptions,
    DropoutOptions,
    MultitaskOptions,
    TaggerOptions,
)
from metalstm.nn.tagger import Tagger
from metalstm.training.optimisers import optimiser
from metalstm.training.options import OptimiserOptions

DROPS = DropoutOptions(input=0.3, output=0.4)
SMALL = TaggerOptions(word_size=8, hidden_size=7, characters=CharacterOptions(embedding_size=4, size=6), dropout=DROPS)
FROZEN: dict[str, Any] = {"tune_words": False}
CONTEXT = FROZEN | {"context": ContextOptions(hidden_size=5, size=4)}
CASES: dict[str, dict[str, Any]] = {name: {"cell": name} for name in names() if name != "torchlstm"} | {
    "two layers": {"num_layers": 2},
    "every dropout": {"dropout": DROPS.model_copy(update={"recurrent": 0.2, "words": 0.4}), "num_layers": 2},
    "one mask a sentence": {"dropout": DROPS.model_copy(update={"variational": True, "recurrent": 0.2})},
    "no dropout": {"dropout": DropoutOptions(input=0.0, output=0.0)},
    "dropout of the layers' own": {"cell_options": {"dropout_input": 0.3}, "tune_words": False},
    "frozen words": FROZEN,
    "frozen words, some dropped": FROZEN | {"dropout": DropoutOptions(words=0.5)},
    "nothing learned below the encoder": FROZEN | {"characters": CharacterOptions(encoder="none")},
    "characters by an LSTM": {"characters": CharacterOptions(encoder="lstm", embedding_size=4, size=6)},
    "no characters": {"characters": CharacterOptions(encoder="none")},
    "word shape": {"word_shape": 3},
    "word shape alone, frozen words": FROZEN | {"word_shape": 3, "characters": CharacterOptions(encoder="none")},
    "a CRF that decodes what it likes": {"crf": CrfOptions(valid_when_decoding=False)},
    "lists of names": {"gazetteers": ["a", "b"]},
    "lists of names, frozen words": FROZEN | {"gazetteers": ["a"], "word_shape": 2},
    "contextual vectors": CONTEXT,
    "contextual vectors, pooled, and lists": CONTEXT | {"pooling_window": 1, "gazetteers": ["a"]},
    "mtm-plus": {"multitask": MultitaskOptions(corpus_embedding=3)},
    "mtm-plus, all of it": CONTEXT | {"multitask": MultitaskOptions(), "gazetteers": ["b"], "cell": "metalstm"},
    "mtm-plus, shared output": {"multitask": MultitaskOptions(output="shared", corpus_embedding=3)},
    "mtm-plus, no embedding": FROZEN | {"multitask": MultitaskOptions(corpus_embedding=0)},
}
"""Options of a tagger, by what is tried."""


def made(changes: dict[str, Any], seed: int, lengths: list[int]) -> tuple[Tagger, Batch]:
    """A tagger in float64 and a batch of sentences of these lengths, both drawn."""
    draw = np.random.default_rng(seed)
    options = SMALL.model_copy(update=changes)
    words = ["aspirin", "IL-2", "the", "breast", "cancer", "x", "Of", "2,5", "α"]
    tokens = [[str(word) for word in draw.choice(words, length)] for length in lengths]
    labels = [[str(label) for label in draw.choice(["O", "S-a", "B-a", "I-a", "E-a"], length)] for length in lengths]
    corpora = (
        ["a"] * len(tokens) if options.has_output_per_corpus else [str(c) for c in draw.choice(["a", "b"], len(tokens))]
    )
    own = {"a": {"O", "S-a", "B-a", "I-a", "E-a"}, "b": {"O", "S-b"}} if options.has_output_per_corpus else None
    every = [*zip(tokens, labels, strict=True), (words, ["O"] * len(words)), (["y"], ["B-a"])]
    lists = Gazetteers.together({name: keys([["breast", "cancer"], ["aspirin"]]) for name in options.gazetteers})
    lexicon = Lexicon.build(every, corpora=["a", "b"], corpus_labels=own, gazetteers=lists)
    torch.manual_seed(seed)
    tagger = Tagger(lexicon, options).double()
    with torch.no_grad():
        for weight in tagger.parameters():
            weight += 0.1 * torch.randn_like(weight)
    sentences = number(lexicon, tokens, labels, corpora)
    if tagger.context is not None:
        drawn = {name: torch.randn_like(value) for name, value in tagger.context.vectors.state_dict().items()}
        tagger.context.begin(drawn, np.arange(len(lexicon.words), dtype=np.int32))
        if options.pooling_window:
            tagger.context.remember(sentences, tagger.words.weight)
            tagger.context.pool(sentences, [len(tokens)])
    return tagger, tagger.placed(sentences.batch(range(len(tokens))))


def by_parts(tagger: Tagger, batch: Batch) -> Tensor:
    """The reference."""
    loss = tagger.loss(batch)
    loss.backward()
    return loss.detach()


def in_one_pass(tagger: Tagger, batch: Batch) -> Tensor:
    """The kernels together."""
    loss = compiled_loss.add_gradients(tagger, batch)
    assert loss is not None
    return loss


def gradients(tagger: Tagger) -> dict[str, Tensor | None]:
    """By weight."""
    weights = tagger.named_parameters()
    return {name: None if weight.grad is None else weight.grad.to_dense().clone() for name, weight in weights}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
@given(seed=st.integers(0, 2**31), lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12))
@settings(max_examples=5, deadline=None)
def test_the_parts_say_the_same(changes: dict[str, Any], seed: int, lengths: list[int]) -> None:
    tagger, batch = made(changes, seed, lengths)
    statistics = {name: value.clone() for name, value in tagger.named_buffers()}
    found = []
    for way in (by_parts, in_one_pass):
        for name, value in tagger.named_buffers():
            value.copy_(statistics[name])
        tagger.zero_grad()
        torch.manual_seed(seed)
        loss = way(tagger, batch)
        after = {name: value.clone() for name, value in tagger.named_buffers()}
        found.append((loss, gradients(tagger), torch.get_rng_state(), after))
    (expected, wanted, expected_state, expected_after), (loss, given, state, after) = found
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)
    for name, gradient in given.items():
        if wanted[name] is None:
            assert gradient is None, name
        else:
            torch.testing.assert_close(gradient, wanted[name], rtol=1e-9, atol=1e-11, msg=name)
    assert torch.equal(state, expected_state)
    for name, value in after.items():
        torch.testing.assert_close(value, expected_after[name])


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_whole_steps_end_at_the_same_weights(changes: dict[str, Any], name: Literal["sgd", "adamw"]) -> None:
    """Also where a kernel gives a gradient that does not lie row after row, as autograd never does."""
    found = []
    for way, kernels in ((by_parts, "off"), (in_one_pass, "auto")):
        tagger, batch = made(changes, 3, [7, 4, 9, 1])
        # An epsilon as large as gradients are, for steps of Adam to follow them and not their sign alone.
        steps = optimiser(OptimiserOptions(name=name, learning_rate=0.05), tagger, kernels)
        for part in steps.parts:
            part.param_groups[0]["eps"] = 1e-2
        for _ in range(2):
            steps.zero_grad()
            way(tagger, batch)
            steps.clip(1.0)
            steps.step()
        found.append(tagger.state_dict())
    torch.testing.assert_close(*found, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("changes", [{}, {"cell": "metalstm"}, {"num_layers": 2, "dropout": DROPS}], ids=str)
def test_single_precision_at_the_sizes_of_a_study(changes: dict[str, Any]) -> None:
    sizes = {"word_size": 200, "hidden_size": 100, "characters": CharacterOptions()}
    tagger, batch = made(sizes | changes, 1, [30, 26, 26, 25, 25, 20, 7, 1, 90, 24])
    tagger.float()
    found = []
    for way in (by_parts, in_one_pass):
        tagger.zero_grad()
        torch.manual_seed(2)
        way(tagger, batch)
        found.append(gradients(tagger))
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"kernels": "off"},
        {"cell": "torchlstm"},
        {"attention": AttentionOptions(heads=2)},
        {"crf": CrfOptions(valid_when_training=True)},
    ],
    ids=str,
)
def test_what_has_no_kernel_is_left_to_the_parts_and_draws_nothing(changes: dict[str, Any]) -> None:
    tagger, batch = made(changes, 1, [3, 1])
    assert batch.labels is not None
    batch.labels.fill_(tagger.lexicon.label_id("O"))
    state = torch.get_rng_state()
    assert compiled_loss.add_gradients(tagger, batch) is None
    assert torch.equal(torch.get_rng_state(), state)
    assert tagger.add_gradients(batch).isfinite()
    assert tagger.emission.weight.grad is not None


def test_where_scores_are_too_far_apart_the_parts_are_asked() -> None:
    tagger, batch = made({}, 1, [3, 1])
    with torch.no_grad():
        tagger.crf.transitions[0, 0] = 1e9
    assert compiled_loss.add_gradients(tagger, batch) is None
    assert tagger.emission.weight.grad is None
    assert tagger.add_gradients(batch).isfinite()
    assert tagger.emission.weight.grad is not None


def test_what_batch_norms_learn_of_a_batch_counts_once_where_the_parts_are_asked() -> None:
    once = []
    for ask in (Tagger.loss, Tagger.add_gradients):
        tagger, batch = made(
            {"cell": "bnlstm", "num_layers": 2, "dropout": DropoutOptions(input=0.0, output=0.0)}, 1, [3, 1]
        )
        with torch.no_grad():
            tagger.crf.transitions[0, 0] = 1e9
        before = {name: value.clone() for name, value in tagger.named_buffers()}
        assert compiled_loss.add_gradients(tagger, batch) is None
        for name, value in tagger.named_buffers():
            assert torch.equal(value, before[name]), name
        ask(tagger, batch)
        once.append(dict(tagger.named_buffers()))
    for name, value in once[0].items():
        torch.testing.assert_close(once[1][name], value)
    assert any(name.endswith("count") and value.any() for name, value in once[0].items())


@pytest.mark.parametrize("missing", ["characters", "packing"])
def test_where_a_kernel_is_missing_the_parts_are_asked(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger, batch = made({"dropout": DropoutOptions(input=0.0, output=0.0)}, 1, [3, 1])
    expected = tagger.loss(batch)
    module = {"characters": compiled_characters, "packing": compiled_cells}[missing]
    monkeypatch.setattr(module, "kernels", lambda *_: None)
    assert compiled_loss.add_gradients(tagger, batch) is None
    assert tagger.emission.weight.grad is None
    torch.testing.assert_close(tagger.add_gradients(batch), expected.detach())


@pytest.mark.parametrize("tune_words", [True, False])
def test_gradients_are_added_to_those_that_are_there(tune_words: bool) -> None:
    tagger, batch = made({"dropout": DropoutOptions(input=0.0, output=0.0), "tune_words": tune_words}, 1, [3, 1])
    in_one_pass(tagger, batch)
    once = gradients(tagger)
    in_one_pass(tagger, batch)
    for name, gradient in gradients(tagger).items():
        expected = once[name]
        assert (gradient is None) == (expected is None)
        if gradient is not None and expected is not None:
            torch.testing.assert_close(gradient, 2.0 * expected)


def test_weights_that_are_frozen_get_none() -> None:
    tagger, batch = made({"word_shape": 2}, 1, [3, 1])
    for weight in (tagger.emission.bias, tagger.crf.start, tagger.characters.embedding.weight):
        weight.requires_grad_(False)
    in_one_pass(tagger, batch)
    given = gradients(tagger)
    tagger.zero_grad()
    by_parts(tagger, batch)
    assert [name for name, gradient in given.items() if gradient is None] == [
        name for name, gradient in gradients(tagger).items() if gradient is None
    ]
