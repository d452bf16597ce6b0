"""The hypernetwork cells of `nn/cells/hyper.py` over whole packed sequences (see `lstm.py`), forward and backward.

A small network h^ reads [x; h]; z = A h^ + a; and a gate's pre-activation is y = d_x * (W_x x) + d_h * (W_h h) + b with
d_x, d_h and b = D z. Of the scales only z is kept, and they are made again on the way back: a token would have twelve
rows of `hidden` numbers otherwise.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels import elman, lstm
from metalstm.kernels.compilation import announce, compiled
from metalstm.kernels.lstm import Norm, Trace, new_trace, no_norm, read, unread
from metalstm.kernels.products import Array, Multiply, by_numpy, combine, pad_columns, padded, product, spread


class Weights(NamedTuple):
    """What the steps multiply with, laid out for them."""

    small: Array
    """The small network's weights for [h; h^], `[gates * hyper, hidden + hyper, padded]`."""
    W_h: Array
    """`[gates * hidden, hidden, padded]`."""
    A: Array
    """`[3 * embeddings * N_z, hyper, padded]`."""
    D: Array
    """`[3, gates, N_z, hidden]`."""
    b_0: Array
    """`[gates, hidden]`."""
    norm: Norm
    small_norm: Norm


class Trails(NamedTuple):
    """What the steps leave for the backward pass; every array has a row for each token."""

    from_x: Array
    """W_x x and W_h h `[tokens, gates * hidden]`."""
    from_h: Array
    reads: Array
    """Masked h, then h^, as each step read them `[tokens, hidden + hyper, padded]`."""
    h_hat: Array
    """`[tokens, hyper, padded]`."""
    z: Array
    """`[tokens, 3 * embeddings * N_z]`."""
    trace: Trace
    small: Trace


class Gradients(NamedTuple):
    """What the backward steps leave: of the Trails' arrays, and the gradients that they have summed already."""

    from_x: Array
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
    trails: Trails


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
        small=pad_columns(np.concatenate([small_W_x[:, size:], small_W_h], axis=1)),
        W_h=pad_columns(W_h),
        A=pad_columns(A.reshape(-1, hyper)),
        D=np.ascontiguousarray(np.swapaxes(D, 2, 3)),
        b_0=b_0.reshape(-1, hidden),
        norm=norms[0],
        small_norm=norms[1],
    )
    small = multiply(x, np.ascontiguousarray(small_W_x[:, :size]))
    if len(rest) == 1:
        small += rest[0]
    z = np.zeros((tokens, weights.A.shape[0]), dtype)
    z[:, : a.size] = a.ravel()  # z_b has no bias
    trails = Trails(
        from_x=multiply(x, W_x),
        from_h=np.zeros((tokens, W_h.shape[0]), dtype),
        reads=np.zeros((tokens, padded(hidden + hyper)), dtype),
        h_hat=np.zeros((tokens, padded(hyper)), dtype),
        z=z,
        trace=_unit_trace(np.empty((tokens, W_h.shape[0]), dtype), hidden, norms[0]),
        small=_unit_trace(small, hyper, norms[1]),
    )
    h = np.empty((tokens, hidden), dtype)
    _forward(counts, mask, hyper, weights, trails, h)
    return h, Run(x, counts, mask, weights, trails)


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
    trails, size = run.trails, run.x.shape[1]
    hidden, hyper = W_h.shape[1], small_W_h.shape[1]
    d = Gradients(
        from_x=np.zeros_like(trails.from_x),
        from_h=np.zeros_like(trails.from_h),
        z=np.zeros_like(trails.z),
        small=np.zeros_like(trails.small.gates),
        D=np.zeros_like(run.weights.D),
        b_0=np.zeros_like(run.weights.b_0),
        norm=Norm(*map(np.zeros_like, run.weights.norm)),
        small_norm=Norm(*map(np.zeros_like, run.weights.small_norm)),
    )
    transposed = [
        np.ascontiguousarray(weight.T)
        for weight in (run.weights.small[:, : hidden + hyper], W_h, run.weights.A[:, :hyper])
    ]
    _backward(run.counts, run.mask, *transposed, run.weights, trails, d_h, d)

    small_from_x = np.ascontiguousarray(small_W_x[:, :size])
    d_x = multiply(d.from_x, W_x.T)
    d_x += multiply(d.small, small_from_x.T)
    d_small = multiply(d.small.T, trails.reads.T)
    d_rest = [*d.norm, *d.small_norm] if len(rest) > 1 else [d.small.sum(axis=0)]
    return (
        d_x,
        multiply(d.from_x.T, run.x.T),
        multiply(d.from_h.T, trails.reads.T)[:, :hidden],
        d.b_0.reshape(b_0.shape),
        multiply(d.z.T, trails.h_hat.T)[:, :hyper].reshape(A.shape),
        d.z.sum(axis=0)[: a.size].reshape(a.shape),
        np.swapaxes(d.D, 2, 3),
        np.concatenate([multiply(d.small.T, run.x.T), d_small[:, :hidden]], axis=1),
        d_small[:, hidden : hidden + hyper],
        *(gradient.reshape(weight.shape) for gradient, weight in zip(d_rest, rest, strict=True)),
    )


def _unit_trace(gates: Array, hidden: int, norm: Norm) -> Trace:
    """A trace for the steps of an LSTM or, with one gate, of an RNN, which leaves nothing but its activations."""
    return new_trace(gates, norm) if gates.shape[1] > hidden else Trace(gates, *(np.empty((0, 0), gates.dtype),) * 6)


@compiled
def _advance(start: int, end: int, c: Any, norm: Any, trace: Any, h: Any) -> None:
    """One step of an LSTM, or of a tanh RNN."""
    hidden = c.shape[1]
    if trace.gates.shape[1] > hidden:
        lstm.advance(start, end, c, norm, trace, h)
    else:
        elman.advance(trace.gates[start:end], False)
        for r in range(end - start):
            for j in range(hidden):
                h[r, j] = trace.gates[start + r, j]


@compiled
def _retreat(
    start: int, end: int, d_h: Any, d_c: Any, d_t: Any, norm: Any, trace: Any, d_gates: Any, d_norm: Any
) -> None:
    """The backward pass of `_advance`."""
    if trace.gates.shape[1] > d_c.shape[1]:
        lstm.retreat(start, end, d_h, d_c, d_t, norm, trace, d_gates, d_norm)
    else:
        elman.retreat(d_h, trace.gates[start:end], False, d_gates)


@compiled
def _forward(counts: Any, mask: Any, hyper: int, weights: Any, trails: Any, h: Any) -> None:
    batch, hidden = mask.shape
    gates, n_z = weights.D.shape[1:3]
    each = trails.z.shape[1] // 3  # numbers in z_x, in z_h and in z_b
    step = n_z if each > n_z else 0  # from one gate's z to the next, if each has its own
    c, c_hat = np.zeros((batch, hidden), h.dtype), np.zeros((batch, hyper), h.dtype)
    d_x, d_h, b = np.empty(hidden, h.dtype), np.empty(hidden, h.dtype), np.empty(hidden, h.dtype)
    start = before = 0
    for n in counts:
        end = start + n
        if start > 0:
            read(h[before : before + n], mask, trails.reads[start:end])
            trails.reads[start:end, hidden : hidden + hyper] = trails.h_hat[before : before + n, :hyper]
            product(trails.reads[start:end], weights.small, trails.small.gates[start:end])
            product(trails.reads[start:end], weights.W_h, trails.from_h[start:end])
        _advance(start, end, c_hat, weights.small_norm, trails.small, trails.h_hat[start:end])
        product(trails.h_hat[start:end], weights.A, trails.z[start:end])
        for row in range(start, end):
            z = trails.z[row]
            for gate in range(gates):
                first = gate * step
                combine(z[first : first + n_z], weights.D[0, gate], d_x)
                combine(z[each + first : each + first + n_z], weights.D[1, gate], d_h)
                combine(z[2 * each + first : 2 * each + first + n_z], weights.D[2, gate], b)
                units = slice(gate * hidden, (gate + 1) * hidden)
                _rescale(d_x, trails.from_x[row, units], d_h, trails.from_h[row, units], trails.trace.gates[row, units])
                _add(b, weights.b_0[gate], trails.trace.gates[row, units])
        _advance(start, end, c, weights.norm, trails.trace, h[start:end])
        before, start = start, end


@compiled
def _rescale(d_x: Any, from_x: Any, d_h: Any, from_h: Any, y: Any) -> None:
    for j in range(len(y)):
        y[j] = d_x[j] * from_x[j] + d_h[j] * from_h[j]


@compiled
def _add(b: Any, b_0: Any, y: Any) -> None:
    for j in range(len(y)):
        y[j] += b[j] + b_0[j]


@compiled
def _times(a: Any, b: Any, out: Any) -> None:
    for j in range(len(a)):
        out[j] = a[j] * b[j]


@compiled
def _backward(
    counts: Any,
    mask: Any,
    small_t: Any,
    W_h_t: Any,
    A_t: Any,
    weights: Any,
    trails: Any,
    d_outputs: Any,
    d: Any,
) -> None:
    batch, hidden = mask.shape
    dtype = d_outputs.dtype
    hyper = len(A_t)
    gates, n_z = weights.D.shape[1:3]
    each = trails.z.shape[1] // 3
    step = n_z if each > n_z else 0
    d_h, d_t, d_c = np.empty(mask.shape, dtype), np.empty(mask.shape, dtype), np.zeros(mask.shape, dtype)
    d_h_hat, d_t_hat = np.empty((batch, hyper), dtype), np.empty((batch, hyper), dtype)
    d_c_hat = np.zeros((batch, hyper), dtype)
    d_reads = np.zeros((batch, hidden + hyper), dtype)
    d_y = np.empty((batch, gates * hidden), dtype)
    d_scales = np.empty((3, gates, batch, hidden), dtype)  # of d_x, d_h and b
    d_z = np.empty((batch, n_z), dtype)
    scale = np.empty(hidden, dtype)
    end = counts.sum()
    for n in counts[::-1]:
        start = end - n
        unread(d_outputs[start:end], d_reads, mask, d_h)
        _retreat(start, end, d_h, d_c, d_t, weights.norm, trails.trace, d_y[:n], d.norm)
        for r in range(n):
            row = start + r
            z = trails.z[row]
            for gate in range(gates):
                first = gate * step
                units = slice(gate * hidden, (gate + 1) * hidden)
                y = d_y[r, units]
                combine(z[first : first + n_z], weights.D[0, gate], scale)
                _times(y, scale, d.from_x[row, units])
                combine(z[each + first : each + first + n_z], weights.D[1, gate], scale)
                _times(y, scale, d.from_h[row, units])
                _times(y, trails.from_x[row, units], d_scales[0, gate, r])
                _times(y, trails.from_h[row, units], d_scales[1, gate, r])
                d_scales[2, gate, r] = y
                for j in range(hidden):
                    d.b_0[gate, j] += y[j]
        for part in range(3):
            for gate in range(gates):
                first = part * each + gate * step
                d_z[:n] = 0
                product(d_scales[part, gate, :n], weights.D[part, gate], d_z)
                for r in range(n):
                    for k in range(n_z):
                        d.z[start + r, first + k] += d_z[r, k]
                spread(trails.z[start:end], first, d_scales[part, gate, :n], d.D[part, gate])
        for r in range(n):
            for j in range(hyper):
                d_h_hat[r, j] = d_reads[r, hidden + j]
        product(d.z[start:end], A_t, d_h_hat)
        d_small = d.small[start:end]
        _retreat(start, end, d_h_hat, d_c_hat, d_t_hat, weights.small_norm, trails.small, d_small, d.small_norm)
        if start > 0:
            d_reads[:n] = 0
            product(d_small, small_t, d_reads)
            product(d.from_h[start:end], W_h_t, d_reads)
        end = start


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    announce([_forward, _backward], dtype, seconds=20)
    x, counts = np.zeros((1, 1), dtype), np.ones(1, np.int64)
    D, A, b = np.zeros((3, 1, 1, 1), dtype), np.zeros((3, 1, 1, 1), dtype), np.zeros(1, dtype)
    weights = x, x, np.zeros((1, 1, 1), dtype), A, np.zeros((2, 1, 1), dtype), D, np.zeros((1, 2), dtype), x, b
    h, run = forward(x, counts, x, by_numpy, *weights)
    backward(h, run, by_numpy, *weights)
