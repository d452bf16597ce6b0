"""Small matrix products inside compiled loops.

One step of a recurrent network multiplies a few rows with a weight that stays in the processor's cache. General
libraries first copy the weight into a layout of their own, which takes as long as the product; here blocks of four
rows by four columns are summed in registers instead. Large products are left to a library: see `Multiply`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, compiled

Array = np.ndarray[Any, Any]

Multiply = Callable[[Array, Array], Array]
"""a b^T for `a [n, inner]` and `b [m, inner]` or transposes of such: the large products before and after a loop."""

LANES = 16
"""Numbers that the widest registers hold; an inner dimension that is a multiple of it is faster."""


def padded(size: int) -> int:
    """The next multiple of `LANES`: what shapes call a padded size."""
    return -(-size // LANES) * LANES


def pad_columns(matrix: Array) -> Array:
    """`[rows, columns]` with zero columns added up to a multiple of `LANES`."""
    rows, columns = matrix.shape
    wider = np.zeros((rows, padded(columns)), matrix.dtype)
    wider[:, :columns] = matrix
    return wider


def by_numpy(a: Array, b: Array) -> Array:
    """`Multiply` by numpy."""
    return a @ b.T


@partial(compiled, fastmath=REORDER)
def product(a: Any, b: Any, out: Any) -> None:
    """out += a b^T for `a [n, inner]`, `b [m, inner]` and the first n rows and m columns of `out`.

    a may have more columns than b, and these are not read. b has its rows, not its columns, in the inner dimension:
    no sum leaves the registers before it is complete.
    """
    n = a.shape[0]
    m, inner = b.shape
    zero = a.dtype.type(0)
    for j in range(0, m - m % 4, 4):
        for i in range(0, n - n % 4, 4):
            s00 = s01 = s02 = s03 = zero
            s10 = s11 = s12 = s13 = zero
            s20 = s21 = s22 = s23 = zero
            s30 = s31 = s32 = s33 = zero
            for k in range(inner):
                a0, a1, a2, a3 = a[i, k], a[i + 1, k], a[i + 2, k], a[i + 3, k]
                b0, b1, b2, b3 = b[j, k], b[j + 1, k], b[j + 2, k], b[j + 3, k]
                s00 += a0 * b0
                s01 += a0 * b1
                s02 += a0 * b2
                s03 += a0 * b3
                s10 += a1 * b0
                s11 += a1 * b1
                s12 += a1 * b2
                s13 += a1 * b3
                s20 += a2 * b0
                s21 += a2 * b1
                s22 += a2 * b2
                s23 += a2 * b3
                s30 += a3 * b0
                s31 += a3 * b1
                s32 += a3 * b2
                s33 += a3 * b3
            _add(out, i, j, s00, s01, s02, s03)
            _add(out, i + 1, j, s10, s11, s12, s13)
            _add(out, i + 2, j, s20, s21, s22, s23)
            _add(out, i + 3, j, s30, s31, s32, s33)
        for i in range(n - n % 4, n):
            s0 = s1 = s2 = s3 = zero
            for k in range(inner):
                x = a[i, k]
                s0 += x * b[j, k]
                s1 += x * b[j + 1, k]
                s2 += x * b[j + 2, k]
                s3 += x * b[j + 3, k]
            _add(out, i, j, s0, s1, s2, s3)
    for j in range(m - m % 4, m):
        for i in range(n):
            s = zero
            for k in range(inner):
                s += a[i, k] * b[j, k]
            out[i, j] += s


@compiled
def _add(out: Any, i: int, j: int, s0: Any, s1: Any, s2: Any, s3: Any) -> None:
    out[i, j] += s0
    out[i, j + 1] += s1
    out[i, j + 2] += s2
    out[i, j + 3] += s3


@compiled
def combine(factors: Any, rows: Any, out: Any) -> None:
    """out = factors rows for `factors [m]`, `rows [m, size]` and `out [size]`: for few factors."""
    m, size = rows.shape
    for j in range(size):
        out[j] = 0
    for k in range(0, m - m % 4, 4):
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        for j in range(size):
            out[j] += f0 * rows[k, j] + f1 * rows[k + 1, j] + f2 * rows[k + 2, j] + f3 * rows[k + 3, j]
    for k in range(m - m % 4, m):
        for j in range(size):
            out[j] += factors[k] * rows[k, j]


@compiled
def spread(factors: Any, first: int, rows: Any, out: Any) -> None:
    """out += factors^T rows for m columns of `factors [n, ..]` from `first` on, `rows [n, size]`, `out [m, size]`."""
    n = rows.shape[0]
    m, size = out.shape
    for k in range(m):
        for i in range(0, n - n % 4, 4):
            f0, f1 = factors[i, first + k], factors[i + 1, first + k]
            f2, f3 = factors[i + 2, first + k], factors[i + 3, first + k]
            for j in range(size):
                out[k, j] += f0 * rows[i, j] + f1 * rows[i + 1, j] + f2 * rows[i + 2, j] + f3 * rows[i + 3, j]
        for i in range(n - n % 4, n):
            for j in range(size):
                out[k, j] += factors[i, first + k] * rows[i, j]
