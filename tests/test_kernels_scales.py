"""The scales of the hypernetwork cells, in registers, against sums that numpy takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metalstm.kernels import scales
from metalstm.kernels.compilation import compiled
from metalstm.kernels.scales import panels, unpanelled

shapes = given(n=st.integers(1, 21), hidden=st.integers(1, 101), n_z=st.integers(1, 19), shared=st.booleans())
GATES = 4


@compiled
def rescale(z, first, D, gate, b_0, from_x, from_h, y):
    scales.rescale(z, first, z.shape[1] // 3, D, gate, b_0, from_x, from_h, y)


@compiled
def rescale_backward(z, first, D, gate, d_y, from_x, from_h, d_from_x, d_from_h, d_z):
    apart = z.shape[1] // 3
    scales.rescale_backward(z, first, apart, D, gate, d_y, from_x, from_h, d_from_x, d_from_h, d_z)


@compiled
def gradient(z, first, D, gate, d_y, from_x, from_h):
    scales.gradient(z, first, z.shape[1] // 3, D, gate, d_y, from_x, from_h)


def drawn(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def of_gate(array, gate, hidden):
    return array[:, gate * hidden : (gate + 1) * hidden]


def parts_of(z, first, n_z):
    """z_x, z_h and z_b of a gate: views of z."""
    return [z[:, first + part * (z.shape[1] // 3) :][:, :n_z] for part in range(3)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-4)])
@settings(max_examples=25, deadline=None)
@shapes
def test_equal_to_sums_by_numpy(dtype, tolerance, n, hidden, n_z, shared):
    D = drawn(3, GATES, hidden, n_z, dtype=dtype)
    z = drawn(n, 3 * n_z * (1 if shared else GATES), dtype=dtype)
    b_0 = drawn(GATES * hidden, dtype=dtype)
    from_x, from_h, d_y = (drawn(n, GATES * hidden) + number for number in range(3))
    from_x, from_h, d_y = (array.astype(dtype) for array in (from_x, from_h, d_y))
    laid = panels(D)
    # what is behind the gates' columns belongs to others
    y, d_from_h = np.full_like(from_x, np.nan), np.full_like(from_x, np.nan)
    d_from_x = np.full((n, GATES * hidden + 7), 3, dtype)
    d_z, d_laid, expected_d_z, expected_d_D = np.ones_like(z), np.ones_like(laid), np.ones_like(z), np.ones_like(D)
    for gate in range(GATES):
        first = 0 if shared else gate * n_z
        rescale(z, first, laid, gate, b_0, from_x, from_h, y)
        rescale_backward(z, first, laid, gate, d_y, from_x, from_h, d_from_x, d_from_h, d_z)
        gradient(z, first, d_laid, gate, d_y, from_x, from_h)

        d_x, d_h, b = (part @ D[number, gate].T for number, part in enumerate(parts_of(z, first, n_z)))
        x, h, d = (of_gate(array, gate, hidden) for array in (from_x, from_h, d_y))
        bias = b_0[gate * hidden : (gate + 1) * hidden]
        np.testing.assert_allclose(of_gate(y, gate, hidden), d_x * x + d_h * h + b + bias, tolerance, 100 * tolerance)
        np.testing.assert_allclose(of_gate(d_from_x, gate, hidden), d_x * d, tolerance, 10 * tolerance)
        np.testing.assert_allclose(of_gate(d_from_h, gate, hidden), d_h * d, tolerance, 10 * tolerance)
        for number, d_scale in enumerate((d * x, d * h, d)):
            parts_of(expected_d_z, first, n_z)[number][:] += d_scale @ D[number, gate]
            expected_d_D[number, gate] += d_scale.T @ parts_of(z, first, n_z)[number]
    assert (d_from_x[:, GATES * hidden :] == 3).all()
    np.testing.assert_allclose(d_z, expected_d_z, tolerance, 1000 * tolerance)
    np.testing.assert_allclose(unpanelled(d_laid, hidden), expected_d_D, tolerance, 1000 * tolerance)


@settings(max_examples=25, deadline=None)
@shapes
def test_a_row_does_not_depend_on_the_rows_beside_it(n, hidden, n_z, shared):
    D, z = panels(drawn(3, GATES, hidden, n_z)), drawn(n, 3 * n_z * (1 if shared else GATES))
    b_0, from_x, from_h = drawn(GATES * hidden), drawn(n, GATES * hidden), drawn(n, GATES * hidden) + 1
    together, alone = np.zeros_like(from_x), np.zeros_like(from_x)
    for gate in range(GATES):
        first = 0 if shared else gate * n_z
        rescale(z, first, D, gate, b_0, from_x, from_h, together)
        for row in range(n):
            one = slice(row, row + 1)
            rescale(z[one], first, D, gate, b_0, from_x[one], from_h[one], alone[one])
    assert np.array_equal(together, alone)


@settings(max_examples=25, deadline=None)
@shapes
def test_panels_and_back(n, hidden, n_z, shared):
    D = drawn(3, GATES, hidden, n_z)
    laid = panels(D)
    assert np.array_equal(unpanelled(laid, hidden), D)
    assert np.isclose(laid.sum(), D.sum())
