"""The hypernetwork cells of `nn/cells/hyper.py` over whole packed sequences (see `lstm.py`), forward and backward.

A small network h^ reads [x; h]; z = A h^ + a; and a gate's pre-activation is y = d_x * (W_x x) + d_h * (W_h h) + b with
d_x, d_h and b = D z. Of the scales only z is kept, and they are made again on the way back: a token would have twelve
rows of `hidden` numbers otherwise.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels.compilation import prepare
from metalstm.kernels.hyper_steps import recur, recur_backward
from metalstm.kernels.lstm import Activations, Norm, new_activations, no_norm
from metalstm.kernels.products import Array, Multiply, by_numpy, transposed
from metalstm.kernels.scales import panels, unpanelled
from metalstm.kernels.state import EVERY, Run, column_sums, steps_of


class Parameters(NamedTuple):
    """The weights that all these cells have, in the shapes of `nn/cells/hyper.py`."""

    W_x: Array
    W_h: Array
    b_0: Array
    A: Array
    a: Array
    D: Array
    small_W_x: Array
    small_W_h: Array


class Weights(NamedTuple):
    """What the steps multiply with, laid out for them."""

    from_x: Array
    """W_x, then the small network's weights for x, `[gates * (hidden + hyper), input]`."""
    small: Array
    """The small network's weights for [h; h^], `[gates * hyper, hidden + hyper]`."""
    W_h: Array
    """`[gates * hidden, hidden]`."""
    A: Array
    """`[3 * embeddings * N_z, hyper]`."""
    a: Array
    """`[3 * embeddings * N_z]`: z_b has no bias, and zeros here."""
    D: Array
    """See `scales.panels`."""
    b_0: Array
    """`[gates * hidden]`."""
    norm: Norm
    small_norm: Norm


class HyperActivations(NamedTuple):
    """What the steps store for the backward pass; every array has a row for each token."""

    from_x: Array
    """W_x x and W_h h `[tokens, gates * hidden]`."""
    from_h: Array
    reads: Array
    """Masked h, then h^, as each step read them `[tokens, hidden + hyper]`."""
    h_hat: Array
    """`[tokens, hyper]`."""
    z: Array
    """`[tokens, 3 * embeddings * N_z]`."""
    large: Activations
    small: Activations


class Gradients(NamedTuple):
    """What the backward steps leave: gradients of each token's activations, and those of weights, summed already."""

    from_x: Array
    """Also of the small network's products with x: `[tokens, gates * (hidden + hyper)]`."""
    from_h: Array
    z: Array
    small: Array
    """Of the small network's pre-activations `[tokens, gates * hyper]`."""
    y: Array
    """Of the large network's pre-activations `[tokens, gates * hidden]`."""
    D: Array
    """As in `Weights`."""
    norm: Norm
    small_norm: Norm


@dataclass(frozen=True, slots=True)
class HyperRun(Run):
    """All that `backward` has to know of `forward`; `reads` holds h^ behind h."""

    weights: Weights
    stored: HyperActivations


def forward(
    x: Array, counts: Array, mask: Array, multiply: Multiply, *parameters: Array, backwards: bool = False
) -> tuple[Array, HyperRun]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs.

    parameters: see `Parameters`. Then the small network's bias, or, with layer norm, the gains and biases of both
    networks: gates, then c', of the large network and of the small one.
    """
    p, rest = Parameters(*parameters[:8]), parameters[8:]
    tokens, size = x.shape
    hidden, hyper = p.W_h.shape[1], p.small_W_h.shape[1]
    dtype = x.dtype
    norms = [Norm(*map(np.ravel, rest[:4])), Norm(*map(np.ravel, rest[4:]))] if len(rest) > 1 else [no_norm(dtype)] * 2
    weights = Weights(
        from_x=np.concatenate([p.W_x, p.small_W_x[:, :size]]),
        small=np.concatenate([p.small_W_x[:, size:], p.small_W_h], axis=1),
        W_h=p.W_h,
        A=p.A.reshape(-1, hyper),
        a=np.concatenate([p.a.ravel(), np.zeros(p.A.size // hyper - p.a.size, dtype)]),
        D=panels(p.D),
        b_0=p.b_0.ravel(),
        norm=norms[0],
        small_norm=norms[1],
    )
    steps = steps_of(counts, backwards)
    small = multiply(x, weights.from_x[len(p.W_x) :], rest[0] if len(rest) == 1 else None)
    stored = HyperActivations(
        from_x=multiply(x, p.W_x),
        from_h=np.empty((tokens, len(p.W_h)), dtype),
        reads=np.zeros((tokens, hidden + hyper), dtype),
        h_hat=np.empty((tokens, hyper), dtype),
        z=np.empty((tokens, len(weights.A)), dtype),
        large=_room(np.empty((tokens, len(p.W_h)), dtype), hidden, norms[0]),
        small=_room(small, hyper, norms[1]),
    )
    h = np.empty((tokens, hidden), dtype)
    recur(steps, mask, *map(transposed, (weights.small, weights.W_h, weights.A)), weights, stored, h)
    return h, HyperRun(x, steps, mask, stored.reads, weights, stored)


def backward(
    d_h: Array, run: HyperRun, multiply: Multiply, *parameters: Array, learned: slice = EVERY
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`) and of all weights from that of h."""
    p, rest = Parameters(*parameters[:8]), parameters[8:]
    stored = run.stored
    hidden = p.W_h.shape[1]
    d = Gradients(
        from_x=np.empty((len(run.x), len(run.weights.from_x)), run.x.dtype),
        from_h=np.empty_like(stored.from_h),
        z=np.zeros_like(stored.z),
        small=np.empty_like(stored.small.gates),
        y=np.empty_like(stored.from_h),
        D=np.zeros_like(run.weights.D),
        norm=Norm(*map(np.zeros_like, run.weights.norm)),
        small_norm=Norm(*map(np.zeros_like, run.weights.small_norm)),
    )
    recur_backward(run.steps, run.mask, run.weights, stored, d_h, d)

    d_from_x, d_small = multiply(d.from_x.T, run.x.T), multiply(d.small.T, run.reads.T)
    d_rest = [*d.norm, *d.small_norm] if len(rest) > 1 else [column_sums(d.small)]
    gradients = Parameters(
        W_x=d_from_x[: len(p.W_x)],
        W_h=multiply(d.from_h.T, run.reads[:, :hidden].T),
        b_0=column_sums(d.y),
        A=multiply(d.z.T, stored.h_hat.T),
        a=column_sums(d.z)[: p.a.size],
        D=unpanelled(d.D, hidden),
        small_W_x=np.concatenate([d_from_x[len(p.W_x) :], d_small[:, :hidden]], axis=1),
        small_W_h=np.ascontiguousarray(d_small[:, hidden:]),
    )
    by_weight = (d.reshape(weight.shape) for d, weight in zip([*gradients, *d_rest], parameters, strict=True))
    return (multiply(d.from_x, run.weights.from_x[:, learned].T), *by_weight)


def _room(gates: Array, hidden: int, norm: Norm) -> Activations:
    """Room for what the steps of an LSTM store, or, with one gate, those of an RNN: only its h."""
    if gates.shape[1] > hidden:
        return new_activations(gates, norm)
    return Activations(gates, *(np.empty((0, 0), gates.dtype),) * 6)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the hypernetwork cells", [recur, recur_backward], dtype, seconds=20)
    x, counts = np.zeros((1, 1), dtype), np.ones(1, np.int64)
    D, A, b = np.zeros((3, 1, 1, 1), dtype), np.zeros((3, 1, 1, 1), dtype), np.zeros(1, dtype)
    weights = x, x, np.zeros((1, 1, 1), dtype), A, np.zeros((2, 1, 1), dtype), D, np.zeros((1, 2), dtype), x, b
    h, run = forward(x, counts, x, by_numpy, *weights)
    backward(h, run, by_numpy, *weights)
