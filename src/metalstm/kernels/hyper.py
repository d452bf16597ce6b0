"""The hypernetwork cells of `nn/cells/hyper.py` over whole packed sequences (see `lstm.py`), forward and backward.

A small network h^ reads [x; h]; z = A h^ + a; and a gate's pre-activation is y = d_x * (W_x x) + d_h * (W_h h) + b with
d_x, d_h and b = D z. Of the scales only z is kept, and they are made again on the way back: a token would have twelve
rows of `hidden` numbers otherwise.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels.compilation import announce
from metalstm.kernels.hyper_steps import steps, steps_backward
from metalstm.kernels.lstm import Activations, Norm, new_activations, no_norm
from metalstm.kernels.products import Array, Multiply, by_numpy, pad_columns, padded


class Weights(NamedTuple):
    """What the steps multiply with, laid out for them."""

    from_x: Array
    """W_x, then the small network's weights for x, `[gates * (hidden + hyper), input]`."""
    small: Array
    """The small network's weights for [h; h^], `[gates * hyper, padded (hidden + hyper)]`."""
    W_h: Array
    """`[gates * hidden, padded hidden]`."""
    A: Array
    """`[3 * embeddings * N_z, padded hyper]`."""
    D: Array
    """`[3, gates, N_z, hidden]`."""
    b_0: Array
    """`[gates, hidden]`."""
    norm: Norm
    small_norm: Norm


class HyperActivations(NamedTuple):
    """What the steps store for the backward pass; every array has a row for each token."""

    from_x: Array
    """W_x x and W_h h `[tokens, gates * hidden]`."""
    from_h: Array
    reads: Array
    """Masked h, then h^, as each step read them `[tokens, padded (hidden + hyper)]`."""
    h_hat: Array
    """`[tokens, padded hyper]`."""
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
    D: Array
    """As `Weights.D`."""
    b_0: Array
    norm: Norm
    small_norm: Norm


@dataclass(frozen=True, slots=True)
class Run:
    """All that `backward` has to know of `forward`."""

    x: Array
    counts: Array
    mask: Array
    weights: Weights
    stored: HyperActivations


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    b_0: Array,
    A: Array,
    a: Array,
    D: Array,
    small_W_x: Array,
    small_W_h: Array,
    *rest: Array,
) -> tuple[Array, Run]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs.

    Weights have the shapes of `nn/cells/hyper.py`. rest: the small network's bias, or, with layer norm, the gains and
    biases of both networks: gates, then c', of the large network and of the small one.
    """
    tokens, size = x.shape
    hidden, hyper = W_h.shape[1], small_W_h.shape[1]
    dtype = x.dtype
    norms = [Norm(*map(np.ravel, rest[:4])), Norm(*map(np.ravel, rest[4:]))] if len(rest) > 1 else [no_norm(dtype)] * 2
    weights = Weights(
        from_x=np.concatenate([W_x, small_W_x[:, :size]]),
        small=pad_columns(np.concatenate([small_W_x[:, size:], small_W_h], axis=1)),
        W_h=pad_columns(W_h),
        A=pad_columns(A.reshape(-1, hyper)),
        D=np.ascontiguousarray(np.swapaxes(D, 2, 3)),
        b_0=b_0.reshape(-1, hidden),
        norm=norms[0],
        small_norm=norms[1],
    )
    small = multiply(x, weights.from_x[len(W_x) :])
    if len(rest) == 1:
        small += rest[0]
    z = np.zeros((tokens, weights.A.shape[0]), dtype)
    z[:, : a.size] = a.ravel()  # z_b has no bias
    stored = HyperActivations(
        from_x=multiply(x, W_x),
        from_h=np.zeros((tokens, W_h.shape[0]), dtype),
        reads=np.zeros((tokens, padded(hidden + hyper)), dtype),
        h_hat=np.zeros((tokens, padded(hyper)), dtype),
        z=z,
        large=_room(np.empty((tokens, W_h.shape[0]), dtype), hidden, norms[0]),
        small=_room(small, hyper, norms[1]),
    )
    h = np.empty((tokens, hidden), dtype)
    steps(counts, mask, hyper, weights, stored, h)
    return h, Run(x, counts, mask, weights, stored)


def backward(
    d_h: Array,
    run: Run,
    multiply: Multiply,
    W_x: Array,
    W_h: Array,
    b_0: Array,
    A: Array,
    a: Array,
    D: Array,
    small_W_x: Array,
    small_W_h: Array,
    *rest: Array,
) -> tuple[Array, ...]:
    """The gradients of x and of all weights from that of h."""
    stored = run.stored
    hidden, hyper = W_h.shape[1], small_W_h.shape[1]
    tokens = run.counts.sum()
    d = Gradients(
        from_x=_zeros_from(tokens, (len(run.x), len(run.weights.from_x)), run.x.dtype),
        from_h=_zeros_from(tokens, stored.from_h.shape, run.x.dtype),
        z=np.zeros_like(stored.z),
        small=_zeros_from(tokens, stored.small.gates.shape, run.x.dtype),
        D=np.zeros_like(run.weights.D),
        b_0=np.zeros_like(run.weights.b_0),
        norm=Norm(*map(np.zeros_like, run.weights.norm)),
        small_norm=Norm(*map(np.zeros_like, run.weights.small_norm)),
    )
    transposed = [
        np.ascontiguousarray(weight.T)
        for weight in (run.weights.small[:, : hidden + hyper], W_h, run.weights.A[:, :hyper])
    ]
    steps_backward(run.counts, run.mask, *transposed, run.weights, stored, d_h, d)

    d_from_x, d_small = multiply(d.from_x.T, run.x.T), multiply(d.small.T, stored.reads.T)
    d_rest = [*d.norm, *d.small_norm] if len(rest) > 1 else [d.small.sum(axis=0)]
    return (
        multiply(d.from_x, run.weights.from_x.T),
        d_from_x[: len(W_x)],
        multiply(d.from_h.T, np.ascontiguousarray(stored.reads[:, :hidden]).T),
        d.b_0.reshape(b_0.shape),
        multiply(d.z.T, stored.h_hat.T)[:, :hyper].reshape(A.shape),
        d.z.sum(axis=0)[: a.size].reshape(a.shape),
        np.ascontiguousarray(np.swapaxes(d.D, 2, 3)),
        np.concatenate([d_from_x[len(W_x) :], d_small[:, :hidden]], axis=1),
        np.ascontiguousarray(d_small[:, hidden : hidden + hyper]),
        *(gradient.reshape(weight.shape) for gradient, weight in zip(d_rest, rest, strict=True)),
    )


def _zeros_from(tokens: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Room of this shape, with zeros in the rows after those of the tokens, which a loop fills."""
    room = np.empty(shape, dtype)
    room[tokens:] = 0
    return room


def _room(gates: Array, hidden: int, norm: Norm) -> Activations:
    """Room for what the steps of an LSTM store, or, with one gate, those of an RNN: only its h."""
    if gates.shape[1] > hidden:
        return new_activations(gates, norm)
    return Activations(gates, *(np.empty((0, 0), gates.dtype),) * 6)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    announce("the hypernetwork cells", [steps, steps_backward], dtype, seconds=20)
    x, counts = np.zeros((1, 1), dtype), np.ones(1, np.int64)
    D, A, b = np.zeros((3, 1, 1, 1), dtype), np.zeros((3, 1, 1, 1), dtype), np.zeros(1, dtype)
    weights = x, x, np.zeros((1, 1, 1), dtype), A, np.zeros((2, 1, 1), dtype), D, np.zeros((1, 2), dtype), x, b
    h, run = forward(x, counts, x, by_numpy, *weights)
    backward(h, run, by_numpy, *weights)
