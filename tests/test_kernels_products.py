"""Products of our own against numpy's, in float64 and in float32."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metalstm.kernels import products

shapes = given(n=st.integers(0, 40), inner=st.integers(0, 260), m=st.integers(1, 150))
numbers = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-3)])


def drawn(*shape, dtype):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@numbers
@settings(max_examples=40, deadline=None)
@shapes
@example(n=7, inner=250, m=400)
@example(n=3, inner=113, m=1)
@example(n=700, inner=30, m=20)
def test_a_large_product_with_its_bias(dtype, tolerance, n, inner, m):
    a, b, bias = (drawn(*shape, dtype=dtype) for shape in ((n, inner), (m, inner), (m,)))
    for rows in (a, np.asfortranarray(a)):
        np.testing.assert_allclose(products.by_tiles(rows, b), a @ b.T, atol=tolerance)
        np.testing.assert_allclose(products.by_tiles(rows, b, bias), a @ b.T + bias, atol=tolerance)
        with_gaps = np.repeat(bias.astype(np.float64), 2)[::2]
        np.testing.assert_allclose(products.by_tiles(rows, b, with_gaps), a @ b.T + bias, atol=tolerance)


@numbers
@settings(max_examples=40, deadline=None)
@shapes
def test_a_product_is_added_and_an_affine_map_is_not(dtype, tolerance, n, inner, m):
    a, b, bias = (drawn(*shape, dtype=dtype) for shape in ((n, inner), (inner, m), (m,)))
    # more rows and columns than the result has: they are left alone
    added, written = np.ones((n + 1, m + 3), dtype), np.full((n + 1, m + 3), np.nan, dtype)
    products.product(a, b, added)
    products.affine(a, b, bias, written)
    np.testing.assert_allclose(added[:n, :m], a @ b + 1, atol=tolerance)
    np.testing.assert_allclose(written[:n, :m], a @ b + bias, atol=tolerance)
    assert (added[n:] == 1).all()
    assert (added[:, m:] == 1).all()
    assert np.isnan(written[n:]).all()
    assert np.isnan(written[:, m:]).all()
