"""Dropout by counter: the masks are as random as they should be, and the same again where they should be."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metalstm.nn.compiled import kernels
from metalstm.nn.dropout import Dropout, kernel

SHAPE = (40, 50, 60)


def mask(rate: float = 0.5, seed: int = 0, shape: tuple[int, int, int] = SHAPE, *, variational: bool = False) -> Tensor:
    """True where a value is dropped."""
    torch.manual_seed(seed)
    return Dropout(rate, variational=variational)(torch.ones(shape)) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_is_a_kernel(dtype):
    assert kernels(kernel, torch.zeros(1, dtype=dtype)) is not None


@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.75, 0.999])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_share(rate, seed):
    dropped = mask(rate, seed).double()
    assert abs(dropped.mean().item() - rate) < 4.5 * math.sqrt(rate * (1 - rate) / dropped.numel())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_kept_is_scaled(dtype):
    values = torch.randn(SHAPE, dtype=dtype)
    kept = Dropout(0.2, variational=False)(values)
    assert kept.dtype == dtype
    torch.testing.assert_close(kept, torch.where(kept == 0, 0.0, values / 0.8))


def correlation(one: Tensor, other: Tensor) -> float:
    """In standard deviations of what independent bits would have."""
    return abs(((one.double() - 0.5) * (other.double() - 0.5)).mean().item()) * 4 * math.sqrt(one.numel())


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_are_independent(seed):
    dropped = mask(seed=seed)
    flat = dropped.flatten()
    for distance in (1, 2, 3, 4, 8, 16, 60, 120, 3000):
        assert correlation(flat[distance:], flat[:-distance]) < 4.5
    for one, other in ((dropped[:-1], dropped[1:]), (dropped[:, :-1], dropped[:, 1:]), (dropped, mask(seed=seed + 9))):
        assert correlation(one, other) < 4.5


def test_seeds_of_calls_after_one_another_are_independent():
    torch.manual_seed(1)
    layer, values = Dropout(0.5, variational=False), torch.ones(SHAPE)
    masks = [layer(values) == 0 for _ in range(6)]
    assert all(correlation(masks[n], masks[m]) < 4.5 for n in range(6) for m in range(n))


def test_a_sentence_may_share_one_mask():
    dropped = mask(variational=True)
    assert (dropped == dropped[:, :1]).all()
    assert correlation(dropped[:-1, 0], dropped[1:, 0]) < 4.5
    assert abs(dropped[:, 0].double().mean().item() - 0.5) < 4.5 * 0.5 / math.sqrt(40 * 60)


@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=10)
def test_the_generator_decides_and_the_layout_does_not(seed, variational):
    layer = Dropout(0.3, variational=variational)
    values = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    first = layer(values)
    state = torch.get_rng_state()
    second = layer(values)
    torch.manual_seed(seed)
    time_first = values.transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(layer(time_first), first)
    torch.set_rng_state(state)
    assert torch.equal(layer(torch.cat([values, values], dim=2)[:, :, :7]), second)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("variational", [False, True])
def test_the_gradient_goes_through_the_same_mask(variational):
    layer = Dropout(0.4, variational=variational)
    values = torch.randn(SHAPE, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(SHAPE, dtype=torch.float64).transpose(0, 1).contiguous().transpose(0, 1)
    result = layer(values)
    (result * weights).sum().backward()
    torch.testing.assert_close(values.grad, weights * (result / values).detach())


def test_nothing_is_dropped_nor_drawn_outside_training():
    values = torch.ones(SHAPE)
    state = torch.get_rng_state()
    assert Dropout(0.5, variational=False).eval()(values) is values
    assert Dropout(0.0, variational=False)(values) is values
    assert torch.equal(torch.get_rng_state(), state)


def test_plain_dropout_is_torchs():
    torch.manual_seed(4)
    found = Dropout(0.5, variational=False, kernels="off")(torch.ones(SHAPE))
    torch.manual_seed(4)
    assert torch.equal(found, torch.nn.functional.dropout(torch.ones(SHAPE), 0.5))
