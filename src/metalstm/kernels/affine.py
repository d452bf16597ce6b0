"""W x + b over all tokens, for the few rows of W that an output layer has: a library takes longer to begin."""

from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled, prepare
from metalstm.kernels.products import product

Array = np.ndarray[Any, Any]


@compiled
def forward(x: Array, W: Array, b: Array) -> Array:
    """`[tokens, outputs]` for `x [tokens, inputs]`, `W [outputs, inputs]` and `b [outputs]`."""
    y = np.empty((len(x), len(W)), x.dtype)
    for r in range(len(y)):
        for j in range(len(b)):
            y[r, j] = b[j]
    product(x, np.ascontiguousarray(W.T), y)
    return y


@compiled
def backward(d_y: Array, x: Array, W: Array) -> tuple[Array, Array, Array]:
    """The gradients of x, W and b from that of the result."""
    d_x, d_W, d_b = np.zeros(x.shape, x.dtype), np.zeros(W.shape, x.dtype), np.zeros(len(W), x.dtype)
    product(d_y, W, d_x)
    product(d_y.T, x, d_W)
    for r in range(len(d_y)):
        for j in range(len(d_b)):
            d_b[j] += d_y[r, j]
    return d_x, d_W, d_b


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the output layer", [forward, backward], dtype, seconds=5)
    one = np.zeros((1, 1), dtype)
    forward(one, one, np.zeros(1, dtype))
    backward(one, one, one)
