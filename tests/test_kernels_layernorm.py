"""Layer norm in registers, against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.kernels.compilation import compiled
from metalstm.kernels.layernorm import EPSILON, layer_norm, layer_norm_backward


@compiled
def normalise(y, gain, bias, normed, scale):
    layer_norm(y, gain, bias, normed, scale)


@compiled
def back(d, gain, normed, scale, d_gain, d_bias):
    layer_norm_backward(d, gain, normed, scale, d_gain, d_bias)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-11), (np.float32, 2e-3)])
@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 7), parts=st.integers(1, 9), size=st.integers(2, 101))
def test_equal_to_torch(dtype, tolerance, n, parts, size):
    rng = np.random.default_rng(n * parts * size)
    y, d = (rng.normal(2, 3, (n, parts * size)).astype(dtype) for _ in range(2))
    gain, bias = (rng.normal(size=parts * size).astype(dtype) for _ in range(2))
    normed, scale = np.full_like(y, np.nan), np.full((n, parts), np.nan, dtype)
    d_gain, d_bias = np.ones_like(gain), np.ones_like(bias)

    inputs = [torch.from_numpy(array.copy()).double().requires_grad_() for array in (y, gain, bias)]
    rows, its_gain, its_bias = inputs
    plain = torch.layer_norm(rows.view(n, parts, size), [size], eps=EPSILON).view(n, -1)
    expected = its_gain * plain + its_bias
    expected.backward(torch.from_numpy(d.astype(np.float64)))

    normalise(y, gain, bias, normed, scale)
    back(d, gain, normed, scale, d_gain, d_bias)
    of_y, of_gain, of_bias = (tensor.grad for tensor in inputs)
    for found, wanted in ((y, expected), (normed, plain), (d, of_y), (d_gain - 1, of_gain), (d_bias - 1, of_bias)):
        np.testing.assert_allclose(found, wanted.detach(), atol=tolerance, rtol=tolerance)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 7), parts=st.integers(1, 9), size=st.integers(2, 101), data=st.data())
def test_a_row_is_the_same_whatever_the_others_are(n, parts, size, data):
    rng = np.random.default_rng(n * parts * size)
    y, d = (rng.normal(2, 3, (n, parts * size)).astype(np.float32) for _ in range(2))
    gain, bias = (rng.normal(size=parts * size).astype(np.float32) for _ in range(2))
    row = data.draw(st.integers(0, n - 1))

    found = []
    for some in (slice(None), slice(row, row + 1)):
        its_y, its_d = y[some].copy(), d[some].copy()
        normed, scale = np.empty_like(its_y), np.empty((len(its_y), parts), np.float32)
        normalise(its_y, gain, bias, normed, scale)
        back(its_d, gain, normed, scale, np.zeros_like(gain), np.zeros_like(bias))
        found.append([its_y, normed, scale, its_d])
    for among_others, alone in zip(*found, strict=True):
        np.testing.assert_array_equal(among_others[row], alone[0])
