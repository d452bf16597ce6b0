"""The batch-norm LSTM of `nn/cells/normalised.py` over whole packed sequences (see `lstm.py`), forward and backward."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels.batchnorm import Population, batch_norm, batch_norm_backward, known_steps
from metalstm.kernels.compilation import compiled, prepare
from metalstm.kernels.lstm import Activations, remember, remember_backward, show, show_backward
from metalstm.kernels.products import Array, Multiply, by_numpy, product, transposed
from metalstm.kernels.state import (
    EVERY,
    Run,
    memory_gradients,
    product_gradients,
    read_state,
    state_gradient,
    steps_of,
)


class Norm(NamedTuple):
    """Gains and biases: BN(W_x x) + BN(W_h h) + b for the gates, BN(c') + beta_c on the way to h'."""

    b: Array
    gain_x: Array
    gain_h: Array
    gain_c: Array
    beta_c: Array


class Rule(NamedTuple):
    """How to normalise; the populations are those of W_x x, W_h h and c'."""

    x: Population
    h: Population
    c: Population
    learning: bool
    decay: float
    epsilon: float


class Stored(NamedTuple):
    """What the steps store for the backward pass."""

    x: Array
    """W_x x, normalised by its step, and W_h h `[tokens, 4 * hidden]`."""
    h: Array
    scale_x: Array
    """Scales of each step `[steps, 4 * hidden]`."""
    scale_h: Array
    scale_c: Array
    """`[steps, hidden]`."""
    lstm: Activations


@dataclass(frozen=True, slots=True)
class BatchNormRun(Run):
    """All that `backward` has to know of `forward`."""

    norm: Norm
    learning: bool
    stored: Stored
    order: Array | slice
    """Where each token stands in x and in h as the layer knows them."""


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    *norm: Array,
    populations: tuple[tuple[Array, Array, Array], ...],
    learning: bool,
    decay: float,
    epsilon: float,
    backwards: bool = False,
) -> tuple[Array, BatchNormRun]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs; norm as in `Norm`.

    populations: the fields of `Population` for W_x x, W_h h and c', which change if `learning`. A step has the number
    of tokens read before it, so who reads backwards is given sentences that are turned round.
    """
    order = _turned(counts, len(x)) if backwards else slice(None)
    x = x[order]
    tokens, hidden, steps = len(x), W_h.shape[1], len(counts)

    def room(rows: int, size: int) -> Array:
        return np.empty((rows, size), x.dtype)

    nothing = room(0, 0)
    stored = Stored(
        x=multiply(x, W_x),
        h=np.zeros((tokens, 4 * hidden), x.dtype),
        scale_x=room(steps, 4 * hidden),
        scale_h=room(steps, 4 * hidden),
        scale_c=room(steps, hidden),
        lstm=Activations(
            gates=room(tokens, 4 * hidden),
            memory=room(tokens, hidden),
            tanh_c=room(tokens, hidden),
            normed=nothing,
            scale=nothing,
            normed_c=room(tokens, hidden),
            scale_c=nothing,
        ),
    )
    of_x, of_h, of_c = (Population(*population) for population in populations)
    rule = Rule(of_x, of_h, of_c, learning, decay, epsilon)
    reads = np.zeros((tokens, hidden), x.dtype)
    run = BatchNormRun(x, steps_of(counts, backwards=False), mask, reads, Norm(*norm), learning, stored, order)
    h = room(tokens, hidden)
    _forward(counts, mask, transposed(W_h), run.norm, rule, run.reads, stored, h)
    return h[order], run


def backward(
    d_h: Array, run: BatchNormRun, multiply: Multiply, W_x: Array, W_h: Array, *norm: Array, learned: slice = EVERY
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`) and of all weights from that of h."""
    d_from_x, d_from_h = np.zeros_like(run.stored.x), np.zeros_like(run.stored.h)
    d_norm = Norm(*map(np.zeros_like, run.norm))
    counts, d_h = run.steps[:, 1].copy(), d_h[run.order]
    _backward(counts, run.mask, W_h, run.norm, run.learning, run.stored, d_h, d_from_x, d_from_h, d_norm)
    d_x, *d_weights = product_gradients(d_from_x, d_from_h, run, multiply, W_x, learned)
    return (d_x[run.order], *d_weights, *d_norm)


def _turned(counts: Array, rows: int) -> Array:
    """Which of so many rows has the token that is as far from its sentence's end as a row's own is from the start."""
    starts = np.cumsum(counts) - counts
    steps = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(steps)) - starts[steps]
    order = np.arange(rows)
    order[: len(steps)] = starts[np.bincount(places)[places] - 1 - steps] + places
    return order


@compiled
def _forward(counts: Any, mask: Any, W_h_t: Any, norm: Any, rule: Any, reads: Any, stored: Any, h: Any) -> None:
    hidden = mask.shape[1]
    c = np.zeros(mask.shape, h.dtype)
    gates, normed_c, tanh_c = stored.lstm.gates, stored.lstm.normed_c, stored.lstm.tanh_c
    how = rule.decay, rule.epsilon
    last, known = len(rule.x.tokens) - 1, known_steps(rule.x.tokens)
    start = before = 0
    for step in range(len(counts)):
        end = start + counts[step]
        written, read = min(step, last), min(step, known - 1)
        if start > 0:
            read_state(h[before : before + end - start], mask, reads[start:end])
            product(reads[start:end], W_h_t, stored.h[start:end])
        batch_norm(stored.x[start:end], rule.learning, rule.x, written, read, *how, stored.scale_x[step])
        batch_norm(stored.h[start:end], rule.learning, rule.h, written, read, *how, stored.scale_h[step])
        for row in range(start, end):
            for j in range(4 * hidden):
                gates[row, j] = norm.gain_x[j] * stored.x[row, j] + norm.gain_h[j] * stored.h[row, j] + norm.b[j]
        remember(tanh_c[start:end], gates[start:end], stored.lstm.memory[start:end], c)
        normed_c[start:end] = tanh_c[start:end]
        batch_norm(normed_c[start:end], rule.learning, rule.c, written, read, *how, stored.scale_c[step])
        for row in range(start, end):
            for j in range(hidden):
                tanh_c[row, j] = norm.gain_c[j] * normed_c[row, j] + norm.beta_c[j]
        show(tanh_c[start:end], gates[start:end], h[start:end])
        before, start = start, end


@compiled
def _backward(
    counts: Any,
    mask: Any,
    W_h: Any,
    norm: Any,
    learning: bool,
    stored: Any,
    d_outputs: Any,
    d_from_x: Any,
    d_from_h: Any,
    d_norm: Any,
) -> None:
    d_h, d_t, d_c = memory_gradients(mask, mask.shape[1])
    d_reads = np.zeros(mask.shape, d_outputs.dtype)
    d_gates = np.empty((len(mask), d_from_x.shape[1]), d_outputs.dtype)
    counted = np.zeros_like(norm.b)  # the gradient of b once more
    gates, memory, normed_c, tanh_c = stored.lstm.gates, stored.lstm.memory, stored.lstm.normed_c, stored.lstm.tanh_c
    end = counts.sum()
    for step in range(len(counts) - 1, -1, -1):
        n = counts[step]
        start = end - n
        d_y, d_z = d_gates[:n], d_t[:n]
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        show_backward(tanh_c[start:end], gates[start:end], d_h, d_y, d_z)
        scale_x, scale_h, scale_c = stored.scale_x[step], stored.scale_h[step], stored.scale_c[step]
        batch_norm_backward(d_z, norm.gain_c, learning, normed_c[start:end], scale_c, d_norm.gain_c, d_norm.beta_c, d_z)
        remember_backward(memory[start:end], gates[start:end], d_z, d_c, d_y)
        x, h, d_x, d_read = stored.x[start:end], stored.h[start:end], d_from_x[start:end], d_from_h[start:end]
        batch_norm_backward(d_y, norm.gain_x, learning, x, scale_x, d_norm.gain_x, d_norm.b, d_x)
        batch_norm_backward(d_y, norm.gain_h, learning, h, scale_h, d_norm.gain_h, counted, d_read)
        d_reads[:n] = 0
        product(d_read, W_h, d_reads)
        end = start


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the batch-norm LSTM", [_forward, _backward], dtype, seconds=15)
    x, W, b = np.zeros((1, 1), dtype), np.zeros((4, 1), dtype), np.zeros(4, dtype)
    weights = W, W, b, b, b, b[:1], b[:1]
    wide = np.zeros(1, dtype), np.zeros((1, 4), dtype), np.zeros((1, 4), dtype)
    populations = wide, wide, (np.zeros(1, dtype), x.copy(), x.copy())
    h, run = forward(
        x, np.ones(1, np.int64), x, by_numpy, *weights, populations=populations, learning=True, decay=0.5, epsilon=0.5
    )
    backward(h, run, by_numpy, *weights)
