"""The steps of `hyper.py`: arguments called weights, stored and d are its Weights, HyperActivations and Gradients."""

from typing import Any

import numpy as np

from metalstm.kernels import elman, lstm
from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import product, spread
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
    n_z = weights.D.shape[2]
    each = stored.z.shape[1] // 3  # numbers in z_x, in z_h and in z_b
    stride = n_z if each > n_z else 0  # from one gate's z to the next, if each has its own
    c, c_hat = np.zeros((batch, hidden), h.dtype), np.zeros((batch, hyper), h.dtype)
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
        _rescale(start, end, stride, weights, stored)
        _step(start, end, c, weights.norm, stored.large, h[start:end])
        before, start = start, end


@compiled
def _rescale(start: int, end: int, stride: int, weights: Any, stored: Any) -> None:
    """y = d_x * (W_x x) + d_h * (W_h h) + b, with the scales d_x, d_h and b = D z never written down.

    Arrays are passed whole, and read by their indices: to slice one costs as much as ten of the operations below.
    """
    D, z, from_x, from_h, y = weights.D, stored.z, stored.from_x, stored.from_h, stored.large.gates
    gates, n_z, hidden = D.shape[1:]  # loops that end at another array's size are not vectorised
    h, b = z.shape[1] // 3, 2 * (z.shape[1] // 3)  # where z_h and z_b start
    for row in range(start, end):
        for gate in range(gates):
            unit, first = gate * hidden, gate * stride
            for j in range(hidden):
                y[row, unit + j] = weights.b_0[gate, j]
            for k in range(0, n_z - n_z % 4, 4):
                x_0, h_0, b_0 = z[row, first + k], z[row, h + first + k], z[row, b + first + k]
                x_1, h_1, b_1 = z[row, first + k + 1], z[row, h + first + k + 1], z[row, b + first + k + 1]
                x_2, h_2, b_2 = z[row, first + k + 2], z[row, h + first + k + 2], z[row, b + first + k + 2]
                x_3, h_3, b_3 = z[row, first + k + 3], z[row, h + first + k + 3], z[row, b + first + k + 3]
                for j in range(hidden):
                    d_x = x_0 * D[0, gate, k, j] + x_1 * D[0, gate, k + 1, j]
                    d_x += x_2 * D[0, gate, k + 2, j] + x_3 * D[0, gate, k + 3, j]
                    d_h = h_0 * D[1, gate, k, j] + h_1 * D[1, gate, k + 1, j]
                    d_h += h_2 * D[1, gate, k + 2, j] + h_3 * D[1, gate, k + 3, j]
                    bias = b_0 * D[2, gate, k, j] + b_1 * D[2, gate, k + 1, j]
                    bias += b_2 * D[2, gate, k + 2, j] + b_3 * D[2, gate, k + 3, j]
                    y[row, unit + j] += d_x * from_x[row, unit + j] + d_h * from_h[row, unit + j] + bias
            for k in range(n_z - n_z % 4, n_z):
                x_0, h_0, b_0 = z[row, first + k], z[row, h + first + k], z[row, b + first + k]
                for j in range(hidden):
                    d_x, d_h, bias = x_0 * D[0, gate, k, j], h_0 * D[1, gate, k, j], b_0 * D[2, gate, k, j]
                    y[row, unit + j] += d_x * from_x[row, unit + j] + d_h * from_h[row, unit + j] + bias


@compiled
def _rescale_backward(
    start: int, end: int, stride: int, weights: Any, stored: Any, y: Any, d: Any, scales: Any
) -> None:
    """From the gradient y of the pre-activations those of W_x x, W_h h, b_0 and of the scales d_x, d_h and b."""
    D, z, from_x, from_h = weights.D, stored.z, stored.from_x, stored.from_h
    gates, n_z, hidden = D.shape[1:]  # loops that end at another array's size are not vectorised
    h = z.shape[1] // 3
    for row in range(start, end):
        r = row - start
        for gate in range(gates):
            unit, first = gate * hidden, gate * stride
            for j in range(hidden):
                d.b_0[gate, j] += y[r, unit + j]
            for j in range(hidden):
                scales[0, gate, r, j] = y[r, unit + j] * from_x[row, unit + j]
                scales[1, gate, r, j] = y[r, unit + j] * from_h[row, unit + j]
                scales[2, gate, r, j] = y[r, unit + j]
            for j in range(hidden):
                d.from_x[row, unit + j] = 0
                d.from_h[row, unit + j] = 0
            for k in range(0, n_z - n_z % 4, 4):
                x_0, x_1 = z[row, first + k], z[row, first + k + 1]
                x_2, x_3 = z[row, first + k + 2], z[row, first + k + 3]
                for j in range(hidden):
                    d_x = x_0 * D[0, gate, k, j] + x_1 * D[0, gate, k + 1, j]
                    d_x += x_2 * D[0, gate, k + 2, j] + x_3 * D[0, gate, k + 3, j]
                    d.from_x[row, unit + j] += d_x * y[r, unit + j]
                h_0, h_1 = z[row, h + first + k], z[row, h + first + k + 1]
                h_2, h_3 = z[row, h + first + k + 2], z[row, h + first + k + 3]
                for j in range(hidden):
                    d_h = h_0 * D[1, gate, k, j] + h_1 * D[1, gate, k + 1, j]
                    d_h += h_2 * D[1, gate, k + 2, j] + h_3 * D[1, gate, k + 3, j]
                    d.from_h[row, unit + j] += d_h * y[r, unit + j]
            for k in range(n_z - n_z % 4, n_z):
                x_0, h_0 = z[row, first + k], z[row, h + first + k]
                for j in range(hidden):
                    d.from_x[row, unit + j] += x_0 * D[0, gate, k, j] * y[r, unit + j]
                    d.from_h[row, unit + j] += h_0 * D[1, gate, k, j] * y[r, unit + j]


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
    end = counts.sum()
    for n in counts[::-1]:
        start = end - n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        _step_backward(start, end, d_h, d_c, d_t, weights.norm, stored.large, d_y[:n], d.norm)
        _rescale_backward(start, end, stride, weights, stored, d_y, d, d_scales)
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
        for r in range(n):
            for j in range(d_small.shape[1]):
                d.from_x[start + r, gates * hidden + j] = d_small[r, j]
        if start > 0:
            d_reads[:n] = 0
            product(d_small, small_t, d_reads)
            product(d.from_h[start:end], W_h_t, d_reads)
        end = start
