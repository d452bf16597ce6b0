"""The steps of `hyper.py`: arguments called weights, stored and d are its Weights, HyperActivations and Gradients."""

from typing import Any

import numpy as np

from metalstm.kernels import elman, lstm, scales
from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import affine, product
from metalstm.kernels.state import memory_gradients, read_states, state_gradient

ROWS = 16
"""So many tokens at least, of neighbouring steps, add to the gradient of D at once, while they are in the caches."""


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
def recur(steps: Any, mask: Any, small_t: Any, W_h_t: Any, A_t: Any, weights: Any, stored: Any, h: Any) -> None:
    """All steps: fills `stored` and `h [tokens, hidden]`; three weights come transposed."""
    batch, hidden = mask.shape
    hyper = len(A_t)
    c, c_hat = np.zeros((batch, hidden), h.dtype), np.zeros((batch, hyper), h.dtype)
    nothing = np.zeros(len(weights.b_0), h.dtype)
    before = rows = 0
    for span in steps:
        start, n = span[0], span[1]
        end, running = start + n, start + min(rows, n)
        reads = stored.reads[start:running]
        read_states(h[before : before + rows], stored.h_hat[before : before + rows], mask, reads)
        product(reads, small_t, stored.small.gates[start:running])
        affine(reads[:, :hidden], W_h_t, nothing, stored.from_h[start:running])
        stored.from_h[running:end] = 0
        _step(start, end, c_hat, weights.small_norm, stored.small, stored.h_hat[start:end])
        affine(stored.h_hat[start:end], A_t, weights.a, stored.z[start:end])
        z, y = stored.z[start:end], stored.large.gates[start:end]
        for gate in range(len(weights.D)):
            first, apart = _place(z, weights.D, gate)
            scales.rescale(
                z, first, apart, weights.D, gate, weights.b_0, stored.from_x[start:end], stored.from_h[start:end], y
            )
        _step(start, end, c, weights.norm, stored.large, h[start:end])
        before, rows = start, n


@compiled
def _place(z: Any, D: Any, gate: int) -> Any:
    """The column of z where z_x of a gate begins, and how many columns behind it z_h does, and z_b behind that."""
    n_z, apart = D.shape[3], z.shape[1] // 3
    return gate * n_z if apart > n_z else 0, apart  # each gate has its own, or there is one for all


@compiled
def _gradient_of_scales(start: int, end: int, stored: Any, d: Any) -> None:
    """Adds to `d.D` what some tokens give."""
    z, from_x, from_h = stored.z[start:end], stored.from_x[start:end], stored.from_h[start:end]
    for gate in range(len(d.D)):
        first, apart = _place(z, d.D, gate)
        scales.gradient(z, first, apart, d.D, gate, d.y[start:end], from_x, from_h)


@compiled
def recur_backward(steps: Any, mask: Any, weights: Any, stored: Any, d_outputs: Any, d: Any) -> None:
    """All steps, the last first: fills d from `d_outputs [tokens, hidden]`."""
    batch, hidden = mask.shape
    hyper, units = stored.h_hat.shape[1], len(weights.b_0)
    d_h, d_t, d_c = memory_gradients(mask, hidden)
    d_h_hat, d_t_hat, d_c_hat = memory_gradients(mask, hyper)
    d_reads, nothing = np.zeros((batch, hidden + hyper), mask.dtype), np.zeros(hidden + hyper, mask.dtype)
    low, high = len(d_outputs), 0
    for span in steps[::-1]:
        start, n = span[0], span[1]
        end = start + n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        d_y = d.y[start:end]
        _step_backward(start, end, d_h, d_c, d_t, weights.norm, stored.large, d_y, d.norm)
        z, d_z, from_x, from_h = stored.z[start:end], d.z[start:end], stored.from_x[start:end], stored.from_h[start:end]
        d_from_x, d_from_h = d.from_x[start:end], d.from_h[start:end]
        for gate in range(len(weights.D)):
            first, apart = _place(z, weights.D, gate)
            scales.rescale_backward(z, first, apart, weights.D, gate, d_y, from_x, from_h, d_from_x, d_from_h, d_z)
        low, high = min(low, start), max(high, end)
        if high - low >= ROWS:
            _gradient_of_scales(low, high, stored, d)
            low, high = len(d_outputs), 0
        for r in range(n):
            for j in range(hyper):
                d_h_hat[r, j] = d_reads[r, hidden + j]
        product(d_z, weights.A, d_h_hat)
        d_small = d.small[start:end]
        _step_backward(start, end, d_h_hat, d_c_hat, d_t_hat, weights.small_norm, stored.small, d_small, d.small_norm)
        for r in range(n):
            for j in range(d_small.shape[1]):
                d.from_x[start + r, units + j] = d_small[r, j]
        affine(d_small, weights.small, nothing, d_reads)
        product(d.from_h[start:end], weights.W_h, d_reads)
    if low < high:
        _gradient_of_scales(low, high, stored, d)
