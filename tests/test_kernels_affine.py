"""The output layer's kernel against torch, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.nn.affine import Affine, kernel
from metalstm.nn.compiled import kernels


def values_and_gradients(layer: Affine, x: torch.Tensor) -> list[torch.Tensor]:
    layer.zero_grad()
    x = x.detach().requires_grad_()
    y = layer(x)
    torch.manual_seed(1)
    (y * torch.randn_like(y)).sum().backward()
    return [y.detach(), x.grad, layer.weight.grad, layer.bias.grad]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 128), st.integers(1, 30), st.integers(1, 70), st.integers(1, 60))
def test_equal_to_torchs(batch, time, inputs, outputs):
    torch.manual_seed(0)
    fast = Affine(inputs, outputs).double()
    plain = Affine(inputs, outputs, kernels="off").double()
    plain.load_state_dict(fast.state_dict())
    # neither the states of a layer nor their gradients need stand without gaps
    x = torch.randn(time, batch, inputs, dtype=torch.float64).transpose(0, 1)
    for one, other in zip(values_and_gradients(fast, x), values_and_gradients(plain, x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-11)


def test_weights_are_drawn_and_kept_as_torchs():
    torch.manual_seed(3)
    ours = Affine(5, 4)
    torch.manual_seed(3)
    torchs = torch.nn.Linear(5, 4)
    assert ours.state_dict().keys() == torchs.state_dict().keys()
    assert torch.equal(ours.weight, torchs.weight)


def test_mixed_precision_is_torchs():
    with torch.autocast("cpu", torch.bfloat16):
        assert Affine(5, 4)(torch.randn(2, 3, 5)).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_there_is_a_kernel(dtype):
    assert kernels(kernel, torch.zeros(1, dtype=dtype)) is not None
