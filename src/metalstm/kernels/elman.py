"""The Elman RNN of `nn/cells/elman.py` over whole packed sequences (see `lstm.py`), forward and backward."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled, prepare
from metalstm.kernels.elementwise import tanh
from metalstm.kernels.products import Array, Multiply, by_numpy, product, transposed
from metalstm.kernels.state import (
    EVERY,
    Run,
    column_sums,
    product_gradients,
    read_state,
    state_gradient,
    steps_of,
)
from metalstm.kernels.units import Units, over_units


@dataclass(frozen=True, slots=True)
class RNNRun(Run):
    """All that `backward` has to know of `forward`."""

    h: Array
    relu: bool


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    b: Array,
    *,
    relu: bool = False,
    backwards: bool = False,
) -> tuple[Array, RNNRun]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs; tanh unless `relu`."""
    h = multiply(x, W_x, b)
    steps, reads = steps_of(counts, backwards), np.zeros(h.shape, x.dtype)
    _forward(steps, mask, transposed(W_h), relu, reads, h)
    return h, RNNRun(x, steps, mask, reads, h, relu)


def backward(
    d_h: Array, run: RNNRun, multiply: Multiply, W_x: Array, W_h: Array, b: Array, *, learned: slice = EVERY
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`), W_x, W_h and b from that of h."""
    d_y = np.empty_like(run.h)
    _backward(run.steps, run.mask, W_h, run.relu, run.h, d_h, d_y)
    return (*product_gradients(d_y, d_y, run, multiply, W_x, learned), column_sums(d_y))


@compiled
def step(h: Any, relu: bool) -> None:
    """One step: pre-activations to h in place."""
    if not relu:
        _tanh(h)
        return
    for r in range(h.shape[0]):
        for j in range(h.shape[1]):
            h[r, j] = 0 if h[r, j] < 0 else h[r, j]


@over_units("h")
def _tanh(units: Units) -> None:
    units.store(tanh(units.load("h")), "h")


@compiled
def step_backward(d_h: Any, h: Any, relu: bool, d_y: Any) -> None:
    """The gradient of a step's pre-activations `[n, hidden]` from that of its h."""
    if not relu:
        _tanh_backward(h, d_h, d_y)
        return
    for r in range(h.shape[0]):
        for j in range(h.shape[1]):
            d_y[r, j] = d_h[r, j] if h[r, j] > 0 else 0


@over_units("h", "d_h", "d_y")
def _tanh_backward(units: Units) -> None:
    h = units.load("h")
    units.store(units.load("d_h") * (1.0 - h * h), "d_y")


@compiled
def _forward(steps: Any, mask: Any, W_h_t: Any, relu: bool, reads: Any, h: Any) -> None:
    before = rows = 0
    for span in steps:
        start, n = span[0], span[1]
        running = start + min(rows, n)
        read_state(h[before : before + rows], mask, reads[start:running])
        product(reads[start:running], W_h_t, h[start:running])
        step(h[start : start + n], relu)
        before, rows = start, n


@compiled
def _backward(steps: Any, mask: Any, W_h: Any, relu: bool, h: Any, d_outputs: Any, d_y: Any) -> None:
    d_reads, d_h = np.zeros(mask.shape, h.dtype), np.empty(mask.shape, h.dtype)
    for span in steps[::-1]:
        start, n = span[0], span[1]
        end = start + n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        step_backward(d_h, h[start:end], relu, d_y[start:end])
        d_reads[:n] = 0
        product(d_y[start:end], W_h, d_reads)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the RNN", [_forward, _backward], dtype, seconds=5)
    x, b = np.zeros((1, 1), dtype), np.zeros(1, dtype)
    h, run = forward(x, np.ones(1, np.int64), x, by_numpy, x, x, b)
    backward(h, run, by_numpy, x, x, b)
