"""The layer-norm LSTM of `nn/cells/normalised.py` over whole sequences: the steps of `lstm.py`, with norms."""

from typing import Any

import numpy as np

from metalstm.kernels import lstm
from metalstm.kernels.lstm import LSTMRun, Norm, recur, recur_backward
from metalstm.kernels.products import Array, Multiply
from metalstm.kernels.state import EVERY, product_gradients, steps_of


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    *norm: Array,
    backwards: bool = False,
) -> tuple[Array, LSTMRun]:
    """h `[tokens, hidden]` for packed `x [tokens, input]`; norm: gain and bias of the gates, then of c'."""
    return recur(x, steps_of(counts, backwards), mask, multiply(x, W_x), W_h, Norm(*map(np.ravel, norm)))


def backward(
    d_h: Array, run: LSTMRun, multiply: Multiply, W_x: Array, W_h: Array, *norm: Array, learned: slice = EVERY
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`) and of all weights from that of h."""
    d_gates, d_norm = recur_backward(d_h, run, W_h)
    by_weight = (d.reshape(weight.shape) for d, weight in zip(d_norm, norm, strict=True))
    return (*product_gradients(d_gates, d_gates, run, multiply, W_x, learned), *by_weight)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    lstm.compile(dtype)
