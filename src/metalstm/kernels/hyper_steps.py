"""The steps of `hyper.py`: arguments called weights, stored and d are its Weights, HyperActivations and Gradients."""

from typing import Any

import numpy as np

from metalstm.kernels import elman, lstm
from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import combine, product, spread
from metalstm.kernels.state import read_state, state_gradient


@compiled
def _step(start: int, end: int, c: Any, norm: Any, stored: Any, h: Any) -> None:
    """One step of an LSTM, or of a tanh RNN."""
    hidden = c.shape[1]
    if stored.gates.shape[1] > hidden:
        lstm.step(start, end, c, norm, stored, h)
    else:
        elman.step(stored.gates[start:end], False)
        for r in range(end - start):
            for j in range(hidden):
                h[r, j] = stored.gates[start + r, j]


@compiled
def _step_backward(
    start: int, end: int, d_h: Any, d_c: Any, d_t: Any, norm: Any, stored: Any, d_gates: Any, d_norm: Any
) -> None:
    """The backward pass of `_step`."""
    if stored.gates.shape[1] > d_c.shape[1]:
        lstm.step_backward(start, end, d_h, d_c, d_t, norm, stored, d_gates, d_norm)
    else:
        elman.step_backward(d_h, stored.gates[start:end], False, d_gates)


@compiled
def steps(counts: Any, mask: Any, hyper: int, weights: Any, stored: Any, h: Any) -> None:
    """All steps: fills `stored` and `h [tokens, hidden]`; hyper is the size of h^."""
    batch, hidden = mask.shape
    gates, n_z = weights.D.shape[1:3]
    each = stored.z.shape[1] // 3  # numbers in z_x, in z_h and in z_b
    stride = n_z if each > n_z else 0  # from one gate's z to the next, if each has its own
    c, c_hat = np.zeros((batch, hidden), h.dtype), np.zeros((batch, hyper), h.dtype)
    d_x, d_h, b = np.empty(hidden, h.dtype), np.empty(hidden, h.dtype), np.empty(hidden, h.dtype)
    start = before = 0
    for n in counts:
        end = start + n
        if start > 0:
            read_state(h[before : before + n], mask, stored.reads[start:end])
            stored.reads[start:end, hidden : hidden + hyper] = stored.h_hat[before : before + n, :hyper]
            product(stored.reads[start:end], weights.small, stored.small.gates[start:end])
            product(stored.reads[start:end], weights.W_h, stored.from_h[start:end])
        _step(start, end, c_hat, weights.small_norm, stored.small, stored.h_hat[start:end])
        product(stored.h_hat[start:end], weights.A, stored.z[start:end])
        for row in range(start, end):
            z = stored.z[row]
            for gate in range(gates):
                first = gate * stride
                combine(z[first : first + n_z], weights.D[0, gate], d_x)
                combine(z[each + first : each + first + n_z], weights.D[1, gate], d_h)
                combine(z[2 * each + first : 2 * each + first + n_z], weights.D[2, gate], b)
                units = slice(gate * hidden, (gate + 1) * hidden)
                _rescale(d_x, stored.from_x[row, units], d_h, stored.from_h[row, units], stored.large.gates[row, units])
                _add(b, weights.b_0[gate], stored.large.gates[row, units])
        _step(start, end, c, weights.norm, stored.large, h[start:end])
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
def steps_backward(
    counts: Any,
    mask: Any,
    small_t: Any,
    W_h_t: Any,
    A_t: Any,
    weights: Any,
    stored: Any,
    d_outputs: Any,
    d: Any,
) -> None:
    """All steps, the last first: fills d from `d_outputs [tokens, hidden]`; three weights come transposed."""
    batch, hidden = mask.shape
    dtype = d_outputs.dtype
    hyper = len(A_t)
    gates, n_z = weights.D.shape[1:3]
    each = stored.z.shape[1] // 3
    stride = n_z if each > n_z else 0
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
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        _step_backward(start, end, d_h, d_c, d_t, weights.norm, stored.large, d_y[:n], d.norm)
        for r in range(n):
            row = start + r
            z = stored.z[row]
            for gate in range(gates):
                first = gate * stride
                units = slice(gate * hidden, (gate + 1) * hidden)
                y = d_y[r, units]
                combine(z[first : first + n_z], weights.D[0, gate], scale)
                _times(y, scale, d.from_x[row, units])
                combine(z[each + first : each + first + n_z], weights.D[1, gate], scale)
                _times(y, scale, d.from_h[row, units])
                _times(y, stored.from_x[row, units], d_scales[0, gate, r])
                _times(y, stored.from_h[row, units], d_scales[1, gate, r])
                d_scales[2, gate, r] = y
                for j in range(hidden):
                    d.b_0[gate, j] += y[j]
        for part in range(3):
            for gate in range(gates):
                first = part * each + gate * stride
                d_z[:n] = 0
                product(d_scales[part, gate, :n], weights.D[part, gate], d_z)
                for r in range(n):
                    for k in range(n_z):
                        d.z[start + r, first + k] += d_z[r, k]
                spread(stored.z[start:end], first, d_scales[part, gate, :n], d.D[part, gate])
        for r in range(n):
            for j in range(hyper):
                d_h_hat[r, j] = d_reads[r, hidden + j]
        product(d.z[start:end], A_t, d_h_hat)
        d_small = d.small[start:end]
        _step_backward(start, end, d_h_hat, d_c_hat, d_t_hat, weights.small_norm, stored.small, d_small, d.small_norm)
        if start > 0:
            d_reads[:n] = 0
            product(d_small, small_t, d_reads)
            product(d.from_h[start:end], W_h_t, d_reads)
        end = start
