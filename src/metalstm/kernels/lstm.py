"""The LSTM of `nn/cells/lstm.py` over whole sequences, forward and backward.

Sequences are packed: sorted longest first and written step after step, so that the rows of step t, `counts[t]` of
them, stand together and continue the first rows of the step before. There is no padding. Who reads `backwards` begins
with the last step; then it is the rows behind the first ones that a step begins with.
`mask [batch, hidden]` is multiplied with the h that each step reads.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels.compilation import compiled, prepare
from metalstm.kernels.elementwise import sigmoid, tanh
from metalstm.kernels.layernorm import layer_norm, layer_norm_backward
from metalstm.kernels.products import Array, Multiply, affine, by_numpy, product, transposed
from metalstm.kernels.state import (
    EVERY,
    Run,
    column_sums,
    memory_gradients,
    product_gradients,
    read_state,
    state_gradient,
    steps_of,
)
from metalstm.kernels.units import Units, over_units

INPUT, FORGET, CANDIDATE, OUTPUT = range(4)
"""The order of gates."""


class Norm(NamedTuple):
    """Gains and biases of layer norms, or empty arrays where nothing is normalised."""

    gain: Array
    """Of the gates, `[4 * hidden]`."""
    bias: Array
    gain_c: Array
    """Of c' on its way to h', `[hidden]`."""
    bias_c: Array


class Activations(NamedTuple):
    """What the steps store for the backward pass; every array has a row for each token."""

    gates: Array
    """sigma(i), sigma(f), tanh(g), sigma(o) `[tokens, 4 * hidden]`; pre-activations before their step."""
    memory: Array
    """The c that each step read `[tokens, hidden]`."""
    tanh_c: Array
    """What o was multiplied with `[tokens, hidden]`."""
    normed: Array
    """Normalised pre-activations `[tokens, 4 * hidden]` and their scales `[tokens, 4]`, if they are normalised."""
    scale: Array
    normed_c: Array
    """The same of c': `[tokens, hidden]` and `[tokens, 1]`."""
    scale_c: Array


@dataclass(frozen=True, slots=True)
class LSTMRun(Run):
    """All that `backward` has to know of `forward`."""

    norm: Norm
    stored: Activations


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    b: Array,
    *,
    backwards: bool = False,
) -> tuple[Array, LSTMRun]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs."""
    return recur(x, steps_of(counts, backwards), mask, multiply(x, W_x, b), W_h, no_norm(x.dtype))


def backward(
    d_h: Array, run: LSTMRun, multiply: Multiply, W_x: Array, W_h: Array, b: Array, *, learned: slice = EVERY
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`), W_x, W_h and b from that of h."""
    d_gates, _ = recur_backward(d_h, run, W_h)
    return (*product_gradients(d_gates, d_gates, run, multiply, W_x, learned), column_sums(d_gates))


def recur(x: Array, steps: Array, mask: Array, gates: Array, W_h: Array, norm: Norm) -> tuple[Array, LSTMRun]:
    """h and the run, from gates that hold what comes from x; x itself is kept for the backward pass and not read."""
    shape = len(gates), W_h.shape[1]
    reads, h = np.zeros(shape, gates.dtype), np.empty(shape, gates.dtype)
    run = LSTMRun(x, steps, mask, reads, norm, new_activations(gates, norm))
    _forward(steps, mask, transposed(W_h), reads, norm, run.stored, h)
    return h, run


def recur_backward(d_h: Array, run: LSTMRun, W_h: Array) -> tuple[Array, Norm]:
    """The gradients of the gates' pre-activations `[tokens, 4 * hidden]` and of the norms."""
    d_gates = np.empty_like(run.stored.gates)
    d_norm = Norm(*map(np.zeros_like, run.norm)) if len(run.norm.gain) else run.norm
    _backward(run.steps, run.mask, W_h, run.norm, run.stored, d_h, d_gates, d_norm)
    return d_gates, d_norm


def no_norm(dtype: np.dtype[Any]) -> Norm:
    """Nothing is normalised."""
    return Norm(*(np.empty(0, dtype),) * 4)


def new_activations(gates: Array, norm: Norm) -> Activations:
    """Room for what the steps store."""
    tokens, hidden = len(gates), gates.shape[1] // 4

    def room(*columns: int) -> list[Array]:
        return [np.empty((tokens, size), gates.dtype) for size in columns]

    normed = room(4 * hidden, 4, hidden, 1) if len(norm.gain) else room(0, 0, 0, 0)
    return Activations(gates, *room(hidden, hidden), *normed)


@compiled
def step(start: int, end: int, c: Any, norm: Any, stored: Any, h: Any) -> None:
    """One step: the rows of `stored.gates` from pre-activations to activations, c `[batch, hidden]` to c', and h."""
    if len(norm.gain) > 0:
        layer_norm(stored.gates[start:end], norm.gain, norm.bias, stored.normed[start:end], stored.scale[start:end])
    gates, tanh_c = stored.gates[start:end], stored.tanh_c[start:end]
    remember(tanh_c, gates, stored.memory[start:end], c)
    if len(norm.gain_c) > 0:
        layer_norm(tanh_c, norm.gain_c, norm.bias_c, stored.normed_c[start:end], stored.scale_c[start:end])
    show(tanh_c, gates, h)


@over_units("tanh_c", "gates", "memory", "c")
def remember(units: Units) -> None:
    """The part of `step` that ends with c', which is also left in `tanh_c`."""
    i, f, o = (sigmoid(units.load("gates", gate)) for gate in (INPUT, FORGET, OUTPUT))
    g, c = tanh(units.load("gates", CANDIDATE)), units.load("c")
    for value, gate in ((i, INPUT), (f, FORGET), (g, CANDIDATE), (o, OUTPUT)):
        units.store(value, "gates", gate)
    units.store(c, "memory")
    c = f * c + i * g
    units.store(c, "c")
    units.store(c, "tanh_c")


@over_units("tanh_c", "gates", "h")
def show(units: Units) -> None:
    """The part of `step` after c', or what it was normalised to: h."""
    t = tanh(units.load("tanh_c"))
    units.store(t, "tanh_c")
    units.store(units.load("gates", OUTPUT) * t, "h")


@compiled
def step_backward(
    start: int, end: int, d_h: Any, d_c: Any, d_t: Any, norm: Any, stored: Any, d_gates: Any, d_norm: Any
) -> None:
    """The backward pass of `step`: d_gates `[n, 4 * hidden]` of the pre-activations, and d_c' to d_c in place.

    d_t is room for `[n, hidden]`.
    """
    gates, normed_c, scale_c = stored.gates[start:end], stored.normed_c[start:end], stored.scale_c[start:end]
    show_backward(stored.tanh_c[start:end], gates, d_h, d_gates, d_t)
    if len(norm.gain_c) > 0:
        layer_norm_backward(d_t, norm.gain_c, normed_c, scale_c, d_norm.gain_c, d_norm.bias_c)
    remember_backward(stored.memory[start:end], gates, d_t, d_c, d_gates)
    if len(norm.gain) > 0:
        layer_norm_backward(
            d_gates, norm.gain, stored.normed[start:end], stored.scale[start:end], d_norm.gain, d_norm.bias
        )


@over_units("tanh_c", "gates", "d_h", "d_gates", "d_t")
def show_backward(units: Units) -> None:
    """The backward pass of `show`: the gradient of o, and d_t of what tanh read."""
    t, o, d_h = units.load("tanh_c"), units.load("gates", OUTPUT), units.load("d_h")
    units.store(d_h * t * o * (1.0 - o), "d_gates", OUTPUT)
    units.store(d_h * o * (1.0 - t * t), "d_t")


@over_units("memory", "gates", "d_t", "d_c", "d_gates")
def remember_backward(units: Units) -> None:
    """The backward pass of `remember`: the gradients of i, f and g, and d_c' to d_c in place."""
    i, f, g = (units.load("gates", gate) for gate in (INPUT, FORGET, CANDIDATE))
    d_c = units.load("d_c") + units.load("d_t")
    units.store(d_c * g * i * (1.0 - i), "d_gates", INPUT)
    units.store(d_c * units.load("memory") * f * (1.0 - f), "d_gates", FORGET)
    units.store(d_c * i * (1.0 - g * g), "d_gates", CANDIDATE)
    units.store(d_c * f, "d_c")


@compiled
def _forward(steps: Any, mask: Any, W_h_t: Any, reads: Any, norm: Any, stored: Any, h: Any) -> None:
    c = np.zeros(mask.shape, h.dtype)
    before = rows = 0
    for span in steps:
        start, n = span[0], span[1]
        end, running = start + n, start + min(rows, n)
        read_state(h[before : before + rows], mask, reads[start:running])
        product(reads[start:running], W_h_t, stored.gates[start:running])
        step(start, end, c, norm, stored, h[start:end])
        before, rows = start, n


@compiled
def _backward(
    steps: Any, mask: Any, W_h: Any, norm: Any, stored: Any, d_outputs: Any, d_gates: Any, d_norm: Any
) -> None:
    d_h, d_t, d_c = memory_gradients(mask, mask.shape[1])
    d_reads, nothing = np.zeros(mask.shape, d_gates.dtype), np.zeros(mask.shape[1], d_gates.dtype)
    for span in steps[::-1]:
        start, n = span[0], span[1]
        end = start + n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        step_backward(start, end, d_h, d_c, d_t, norm, stored, d_gates[start:end], d_norm)
        affine(d_gates[start:end], W_h, nothing, d_reads)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the LSTM", [_forward, _backward], dtype, seconds=10)
    x, W, b = np.zeros((1, 1), dtype), np.zeros((4, 1), dtype), np.zeros(4, dtype)
    h, run = forward(x, np.ones(1, np.int64), x, by_numpy, W, W, b)
    backward(h, run, by_numpy, W, W, b)
