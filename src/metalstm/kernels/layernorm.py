"""Layer norm over parts of a row, such as the units of each gate.

Arrays are passed whole, and read by their indices: to slice one costs as much as ten operations.
"""

from functools import partial
from typing import Any

import numpy as np

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
    number = y.dtype.type
    for r in range(n):
        for part in range(parts):
            first = part * size
            total = number(0)
            for j in range(size):
                total += y[r, first + j]
            mean = total / number(size)
            total = number(0)
            for j in range(size):
                total += (y[r, first + j] - mean) * (y[r, first + j] - mean)
            s = number(1) / np.sqrt(total / number(size) + number(EPSILON))
            scale[r, part] = s
            for j in range(size):
                normed[r, first + j] = (y[r, first + j] - mean) * s
            for j in range(size):
                y[r, first + j] = gain[first + j] * normed[r, first + j] + bias[first + j]


@partial(compiled, fastmath=REORDER)
def layer_norm_backward(d: Any, gain: Any, normed: Any, scale: Any, d_gain: Any, d_bias: Any) -> None:
    """The backward pass of `layer_norm`: d of its result to d of y, in place; adds to d_gain and d_bias."""
    n, parts = scale.shape
    size = d.shape[1] // parts
    number = d.dtype.type
    for r in range(n):
        for j in range(parts * size):
            d_gain[j] += d[r, j] * normed[r, j]
        for j in range(parts * size):
            d_bias[j] += d[r, j]
        for j in range(parts * size):
            d[r, j] *= gain[j]
        for part in range(parts):
            first, s = part * size, scale[r, part]
            total, product = number(0), number(0)
            for j in range(size):
                total += d[r, first + j]
            for j in range(size):
                product += d[r, first + j] * normed[r, first + j]
            total /= number(size)
            product /= number(size)
            for j in range(size):
                d[r, first + j] = s * (d[r, first + j] - total - normed[r, first + j] * product)
