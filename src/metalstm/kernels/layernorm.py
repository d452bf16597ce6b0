"""Layer norm over parts of a row, such as the units of each gate."""

from functools import partial
from typing import Any

from metalstm.kernels.compilation import REORDER, compiled

EPSILON = 1e-5
"""torch's own, added to variances."""


@partial(compiled, fastmath=REORDER)
def layer_norm(y: Any, gain: Any, bias: Any, normed: Any, scale: Any) -> None:
    """y = gain * normed + bias in place, with normed = (y - mean) * scale and scale = 1 / sqrt(variance + epsilon).

    y, normed: `[n, parts * size]`. gain, bias: `[parts * size]`. scale: `[n, parts]`.
    """
    n, parts = scale.shape
    size = y.shape[1] // parts
    for r in range(n):
        for part in range(parts):
            first = part * size
            a, b = y[r, first : first + size], normed[r, first : first + size]
            total = y.dtype.type(0)
            for j in range(size):
                total += a[j]
            mean = total / y.dtype.type(size)
            total = y.dtype.type(0)
            for j in range(size):
                b[j] = a[j] - mean
            for j in range(size):
                total += b[j] * b[j]
            s = y.dtype.type(1) / (total / y.dtype.type(size) + y.dtype.type(EPSILON)) ** y.dtype.type(0.5)
            scale[r, part] = s
            for j in range(size):
                b[j] *= s
            g, c = gain[first : first + size], bias[first : first + size]
            for j in range(size):
                a[j] = g[j] * b[j] + c[j]


@partial(compiled, fastmath=REORDER)
def layer_norm_backward(d: Any, gain: Any, normed: Any, scale: Any, d_gain: Any, d_bias: Any) -> None:
    """The backward pass of `layer_norm`: d of its result to d of y, in place; adds to d_gain and d_bias."""
    n, parts = scale.shape
    size = d.shape[1] // parts
    for r in range(n):
        for part in range(parts):
            first = part * size
            a, b, s = d[r, first : first + size], normed[r, first : first + size], scale[r, part]
            g, d_g, d_b = gain[first : first + size], d_gain[first : first + size], d_bias[first : first + size]
            for j in range(size):
                d_g[j] += a[j] * b[j]
            for j in range(size):
                d_b[j] += a[j]
            for j in range(size):
                a[j] *= g[j]
            total, product = d.dtype.type(0), d.dtype.type(0)
            for j in range(size):
                total += a[j]
            for j in range(size):
                product += a[j] * b[j]
            total /= d.dtype.type(size)
            product /= d.dtype.type(size)
            for j in range(size):
                a[j] = s * (a[j] - total - b[j] * product)
