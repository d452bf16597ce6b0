"""The LSTM of `nn/cells/lstm.py` over whole sequences, forward and backward.

Sequences are packed: sorted longest first and written step after step, so that the rows of step t, `counts[t]` of
them, stand together and continue the first rows of the step before. Padding does not exist. Gates are in the order
i, f, g, o. `mask [batch, hidden]` is multiplied with the h that each step reads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metalstm.kernels.compilation import announce, compiled
from metalstm.kernels.elementwise import sigmoid_of_sum, tanh, tanh_of_sum
from metalstm.kernels.products import pad_columns, padded, product

Array = np.ndarray[Any, Any]

SECONDS = 8
"""What compiling takes."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What the forward pass leaves for the backward pass; every array has a row for each token."""

    gates: Array
    """sigma(i), sigma(f), tanh(g), sigma(o) `[tokens, 4 * hidden]`."""
    reads: Array
    """The masked h that each step read `[tokens, hidden, padded]`."""
    memory: Array
    """The c that each step read `[tokens, hidden]`."""
    tanh_c: Array
    """tanh(c') `[tokens, hidden]`."""


def forward(x: Array, counts: Array, mask: Array, W_x: Array, W_h: Array, b: Array) -> tuple[Array, Trace]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs."""
    hidden = W_h.shape[1]
    gates = x @ W_x.T
    gates += b
    reads = np.zeros((len(x), padded(hidden)), x.dtype)
    memory, tanh_c, h = (np.empty((len(x), hidden), x.dtype) for _ in range(3))
    _forward(counts, mask, pad_columns(W_h), gates, reads, memory, tanh_c, h)
    return h, Trace(gates, reads, memory, tanh_c)


def backward(
    d_h: Array, trace: Trace, x: Array, counts: Array, mask: Array, W_x: Array, W_h: Array, b: Array
) -> tuple[Array, ...]:
    """The gradients of x, W_x, W_h and b from that of h."""
    d_gates = np.empty_like(trace.gates)
    _backward(counts, mask, np.ascontiguousarray(W_h.T), d_h, trace.gates, trace.memory, trace.tanh_c, d_gates)
    d_W_h = d_gates.T @ trace.reads[:, : W_h.shape[1]]
    return d_gates @ W_x, d_gates.T @ x, d_W_h, d_gates.sum(axis=0)


@compiled
def remember(gates: Any, from_h: Any, c: Any, memory: Any, tanh_c: Any, h: Any) -> None:
    """One step of n rows: gates from pre-activations without W_h h to activations, c to c', both in place.

    gates, from_h: `[n, 4 * hidden]`. c: `[batch, hidden]`. memory (for the old c), tanh_c and h: `[n, hidden]`.
    """
    n, hidden = h.shape
    for r in range(n):
        sigmoid_of_sum(gates[r, : 2 * hidden], from_h[r, : 2 * hidden])
        tanh_of_sum(gates[r, 2 * hidden : 3 * hidden], from_h[r, 2 * hidden : 3 * hidden])
        sigmoid_of_sum(gates[r, 3 * hidden :], from_h[r, 3 * hidden :])
        for j in range(hidden):
            memory[r, j] = c[r, j]
        for j in range(hidden):
            c[r, j] = gates[r, hidden + j] * c[r, j] + gates[r, j] * gates[r, 2 * hidden + j]
        for j in range(hidden):
            tanh_c[r, j] = tanh(c[r, j])
        for j in range(hidden):
            h[r, j] = gates[r, 3 * hidden + j] * tanh_c[r, j]


@compiled
def unremember(d_h: Any, d_c: Any, gates: Any, memory: Any, tanh_c: Any, d_gates: Any) -> None:
    """The backward pass of `remember`: d_gates of the pre-activations `[n, 4 * hidden]`; d_c' to d_c in place."""
    n, hidden = memory.shape
    for r in range(n):
        for j in range(hidden):  # h' = o * tanh(c')
            o, t = gates[r, 3 * hidden + j], tanh_c[r, j]
            d_gates[r, 3 * hidden + j] = d_h[r, j] * t * o * (1 - o)
        for j in range(hidden):
            t = tanh_c[r, j]
            d_c[r, j] += d_h[r, j] * gates[r, 3 * hidden + j] * (1 - t * t)
        for j in range(hidden):  # c' = f * c + i * g
            i, g = gates[r, j], gates[r, 2 * hidden + j]
            d_gates[r, j] = d_c[r, j] * g * i * (1 - i)
        for j in range(hidden):
            f = gates[r, hidden + j]
            d_gates[r, hidden + j] = d_c[r, j] * memory[r, j] * f * (1 - f)
        for j in range(hidden):
            i, g = gates[r, j], gates[r, 2 * hidden + j]
            d_gates[r, 2 * hidden + j] = d_c[r, j] * i * (1 - g * g)
        for j in range(hidden):
            d_c[r, j] *= gates[r, hidden + j]


@compiled
def read(h: Any, mask: Any, reads: Any) -> None:
    """The masked h of the step before, into `reads [n, ..]`."""
    for r in range(reads.shape[0]):
        for j in range(h.shape[1]):
            reads[r, j] = h[r, j] * mask[r, j]


@compiled
def unread(d_outputs: Any, d_reads: Any, mask: Any, d_h: Any) -> None:
    """The gradient of a step's h: what its reader, behind the mask, and what the layer above give back."""
    for r in range(d_outputs.shape[0]):
        for j in range(d_outputs.shape[1]):
            d_h[r, j] = d_outputs[r, j] + d_reads[r, j] * mask[r, j]


@compiled
def _forward(
    counts: Any, mask: Any, W_h: Any, gates: Any, reads: Any, memory: Any, tanh_c: Any, h: Any
) -> None:
    batch, hidden = mask.shape
    c = np.zeros((batch, hidden), h.dtype)
    from_h = np.zeros((batch, 4 * hidden), h.dtype)
    start = before = 0
    for n in counts:
        end = start + n
        if start > 0:
            read(h[before : before + n], mask, reads[start:end])
            product(reads[start:end], W_h, from_h)
        remember(gates[start:end], from_h, c, memory[start:end], tanh_c[start:end], h[start:end])
        before, start = start, end


@compiled
def _backward(
    counts: Any, mask: Any, W_h_t: Any, d_outputs: Any, gates: Any, memory: Any, tanh_c: Any, d_gates: Any
) -> None:
    batch, hidden = mask.shape
    d_c = np.zeros((batch, hidden), gates.dtype)
    d_h = np.empty((batch, hidden), gates.dtype)
    d_reads = np.zeros((batch, hidden), gates.dtype)
    end = len(gates)
    for n in counts[::-1]:
        start = end - n
        unread(d_outputs[start:end], d_reads, mask, d_h)
        unremember(d_h, d_c, gates[start:end], memory[start:end], tanh_c[start:end], d_gates[start:end])
        product(d_gates[start:end], W_h_t, d_reads)
        end = start


def compile(dtype: np.dtype[Any]) -> None:
    """Compile everything for numbers of this type, or fetch what was compiled."""
    announce((_forward, _backward), dtype, SECONDS)
    x, counts, mask, W, b = np.zeros((1, 1), dtype), np.ones(1, np.int64), *(np.ones(s, dtype) for s in ((1, 1), (4, 1), 4))
    h, trace = forward(x, counts, mask, W, W, b)
    backward(h, trace, x, counts, mask, W, W, b)
