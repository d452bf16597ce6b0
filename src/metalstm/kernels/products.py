"""Small matrix products inside compiled loops.

One step of a recurrent network multiplies a few rows with a weight that stays in the processor's cache. General
libraries first copy the weight into a layout of their own, which takes as long as the product; here blocks of four
rows by four columns are summed in registers instead. Large products are left to numpy.
"""

from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, compiled

LANES = 16
"""Numbers that the widest registers hold; an inner dimension that is a multiple of it is faster."""


def padded(size: int) -> int:
    """The next multiple of `LANES`."""
    return -(-size // LANES) * LANES


def pad_columns(matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """`[rows, columns]` with zero columns added up to a multiple of `LANES`."""
    return np.pad(matrix, ((0, 0), (0, padded(matrix.shape[1]) - matrix.shape[1])))


@partial(compiled, fastmath=REORDER)
def product(a: Any, b: Any, out: Any) -> None:
    """out = a b^T for `a [n, inner]`, `b [m, inner]` and the first n rows of `out [.., m]`; inner dimensions contiguous.

    b has its rows, not its columns, in the inner dimension: no sum leaves the registers before it is complete.
    """
    n, inner = a.shape
    m = b.shape[0]
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
            out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = s00, s01, s02, s03
            out[i + 1, j], out[i + 1, j + 1], out[i + 1, j + 2], out[i + 1, j + 3] = s10, s11, s12, s13
            out[i + 2, j], out[i + 2, j + 1], out[i + 2, j + 2], out[i + 2, j + 3] = s20, s21, s22, s23
            out[i + 3, j], out[i + 3, j + 1], out[i + 3, j + 2], out[i + 3, j + 3] = s30, s31, s32, s33
        for i in range(n - n % 4, n):
            s0 = s1 = s2 = s3 = zero
            for k in range(inner):
                x = a[i, k]
                s0 += x * b[j, k]
                s1 += x * b[j + 1, k]
                s2 += x * b[j + 2, k]
                s3 += x * b[j + 3, k]
            out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = s0, s1, s2, s3
    for j in range(m - m % 4, m):
        for i in range(n):
            s = zero
            for k in range(inner):
                s += a[i, k] * b[j, k]
            out[i, j] = s
