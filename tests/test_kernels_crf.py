"""The CRF's kernels against the plain version of `nn.crf`, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn import compiled, compiled_crf
from metalstm.nn.batch import real
from metalstm.nn.crf import LinearChainCRF
from metalstm.nn.iobes import allowed_transitions

IOBES = ["O", *(f"{position}-{kind}" for kind in ("x", "y") for position in "BIES")]


def crf(labels: int, kernels: str, *, allowed=None, training: bool = False, scale: float = 1.0) -> LinearChainCRF:
    made = LinearChainCRF(labels, allowed=allowed, valid_when_training=training, kernels=kernels).double()
    generator = torch.Generator().manual_seed(labels)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return made


def ragged(lengths: list[int], labels: int, seed: int, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions with NaN on padding, labels with -100 there, lengths."""
    generator = torch.Generator().manual_seed(seed)
    inside = real(torch.tensor(lengths), max(lengths) + seed % 2)
    emissions = scale * torch.randn(*inside.shape, labels, generator=generator, dtype=torch.float64)
    gold = torch.randint(labels, inside.shape, generator=generator)
    return emissions.masked_fill(~inside[:, :, None], torch.nan), gold.masked_fill(~inside, -100), torch.tensor(lengths)


def loss_and_gradients(model: LinearChainCRF, emissions: Tensor, gold: Tensor, lengths: Tensor) -> list[Tensor]:
    """Losses, and the gradients of their sum with unequal weights."""
    emissions = emissions.clone().requires_grad_()
    model.zero_grad()
    losses = model.neg_log_likelihood(emissions, gold, lengths)
    (losses * torch.linspace(0.5, 2.0, len(losses), dtype=losses.dtype)).sum().backward()
    return [losses.detach(), emissions.grad, *(parameter.grad for parameter in model.parameters())]


def same(fast: LinearChainCRF, plain: LinearChainCRF, batch: tuple[Tensor, Tensor, Tensor]) -> None:
    names = ("loss", "emissions", "transitions", "start", "end")
    for name, one, other in zip(
        names, loss_and_gradients(fast, *batch), loss_and_gradients(plain, *batch), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}")
    emissions, _, lengths = batch
    (paths, scores), (expected, best) = fast.decode(emissions, lengths), plain.decode(emissions, lengths)
    assert paths == expected
    assert torch.equal(scores, best)


@settings(max_examples=25)
@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
    st.integers(1, 12),
    st.integers(0, 10**6),
    st.sampled_from([0.1, 1.0, 20.0]),
)
def test_equal_to_the_plain_version(lengths, labels, seed, scale):
    batch = ragged(lengths, labels, seed, scale)
    assert answers(crf(labels, "auto"), *batch)
    same(crf(labels, "auto"), crf(labels, "off"), batch)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=10), st.integers(0, 10**6), st.floats(0.1, 0.7))
def test_forbidden_transitions(lengths, seed, share):
    """Random ones, which leave a path of label 0, and labels that no path reaches among them."""
    generator = torch.Generator().manual_seed(seed)
    allowed = tuple(torch.rand(*shape, generator=generator) >= share for shape in ((5, 5), (5,), (5,)))
    for part in allowed:
        part[(0,) * part.dim()] = True
    emissions, gold, lengths = ragged(lengths, 5, seed)
    batch = emissions, gold.clamp(max=0), lengths
    fast = crf(5, "auto", allowed=allowed, training=True)
    assert answers(fast, *batch)
    same(fast, crf(5, "off", allowed=allowed, training=True), batch)


def answers(model: LinearChainCRF, emissions: Tensor, gold: Tensor, lengths: Tensor) -> bool:
    """Whether the kernel can serve, and does not leave the answer to the plain version."""
    scores = model._scores(emissions.dtype, model.valid_when_training)
    return compiled_crf.neg_log_likelihood(emissions, gold, lengths, *scores, forbidden=-1e150) is not None


@pytest.mark.parametrize("lengths", [[500, 1, 77], [1] * 128, list(range(1, 129, 3)) * 3])
def test_long_sentences_and_large_batches(lengths):
    batch = ragged(lengths, 9, 3)
    assert answers(crf(9, "auto"), *batch)
    same(crf(9, "auto"), crf(9, "off"), batch)


@pytest.mark.parametrize("scale", [100.0, 1e4, 1e30])
@pytest.mark.parametrize("training", [False, True])
def test_extreme_scores_neither_overflow_nor_lose_a_path(scale, training):
    allowed = allowed_transitions(IOBES)
    emissions, gold, lengths = ragged([40, 1, 7, 300], 9, 5, scale)
    fast, plain = (crf(9, kernels, allowed=allowed, training=training) for kernels in ("auto", "off"))
    batch = emissions, gold.clamp(max=0), lengths
    same(fast, plain, batch)
    assert all(value.isfinite().all() for value in loss_and_gradients(fast, *batch)[2:])


def test_what_seems_lost_at_first_may_win_in_the_end():
    """A label that starts 1,000 behind and gains 5 at every step: its exponential has no place in float64 at first."""
    emissions = torch.zeros(1, 400, 2, dtype=torch.float64)
    emissions[:, :, 1] = 5.0
    emissions[:, 0, 1] = -1000.0
    batch = emissions, torch.ones(1, 400, dtype=torch.int64), torch.tensor([400])
    fast, plain = crf(2, "auto"), crf(2, "off")
    for model in (fast, plain):
        with torch.no_grad():
            model.transitions.copy_(torch.tensor([[0.0, -2000.0], [-2000.0, 0.0]]))
    assert not answers(fast, *batch)
    same(fast, plain, batch)


def test_a_chain_that_no_path_reaches_does_not_overflow():
    allowed = (torch.tensor([[True, False], [False, True]]), torch.tensor([True, False]), torch.tensor([True, True]))
    emissions = torch.zeros(1, 500, 2, dtype=torch.float64)
    emissions[:, :, 1] = 300.0
    batch = emissions, torch.zeros(1, 500, dtype=torch.int64), torch.tensor([500])
    fast = crf(2, "auto", allowed=allowed, training=True)
    assert answers(fast, *batch)
    same(fast, crf(2, "off", allowed=allowed, training=True), batch)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_is_reported(value):
    emissions, gold, lengths = ragged([4, 3], 3, 0)
    emissions[0, 2, 1] = value
    assert not crf(3, "auto").neg_log_likelihood(emissions, gold, lengths)[0].isfinite()


def test_gold_labels_are_checked():
    allowed = allowed_transitions(IOBES)
    emissions, gold, lengths = ragged([4, 2], 9, 0)
    with pytest.raises(UserError, match="valid_when_training"):
        crf(9, "auto", allowed=allowed, training=True).neg_log_likelihood(emissions, torch.full_like(gold, 2), lengths)
    with pytest.raises(RuntimeError, match="out of bounds"):
        crf(9, "auto").neg_log_likelihood(emissions, torch.full_like(gold, 9), lengths)


def test_single_precision_is_summed_in_double():
    emissions, gold, lengths = ragged([200, 3], 9, 1)
    exact = crf(9, "off").neg_log_likelihood(emissions, gold, lengths)
    single = crf(9, "auto").float()
    found = single.neg_log_likelihood(emissions.float(), gold, lengths)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-4)
    assert [value.dtype for value in loss_and_gradients(single, emissions.float(), gold, lengths)] == [
        torch.float32
    ] * 5


def test_shapes_and_lengths_are_checked():
    emissions, gold, lengths = ragged([4, 2], 3, 0)
    model = crf(3, "auto")
    for wrong in (lengths + 1, lengths - 2):
        with pytest.raises(ValueError, match="between 1 and 4"):
            model.neg_log_likelihood(emissions, gold, wrong)
    with pytest.raises(ValueError, match="are not"):
        model.neg_log_likelihood(emissions[:, :, :2], gold, lengths)
    with pytest.raises(ValueError, match="do not fit"):
        model.neg_log_likelihood(emissions, gold[:, :3], lengths)


def test_scores_of_another_type_are_promoted():
    emissions, gold, lengths = ragged([4, 2], 3, 0)
    assert crf(3, "auto").neg_log_likelihood(emissions.float(), gold, lengths).dtype == torch.float64


def test_without_numba_the_plain_version_answers(monkeypatch):
    def broken(dtype):
        raise ImportError("No module named 'numba'")

    monkeypatch.setattr("metalstm.kernels.crf.compile", broken)
    compiled._ready.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="no compiled kernel for metalstm.nn.compiled_crf"):
            same(crf(3, "auto"), crf(3, "off"), ragged([4, 2], 3, 0))
    finally:
        compiled._ready.cache_clear()
