"""The steps of `hyper.py`: arguments called weights, stored and d are its Weights, HyperActivations and Gradients."""

from typing import Any

import numpy as np

from metalstm.kernels import elman, lstm
from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import product
from metalstm.kernels.state import memory_gradients, read_states, state_gradient

ROWS = 64
"""Tokens whose scales stay in the nearest caches."""


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
    scales = np.empty((3, batch, len(weights.b_0)), h.dtype)
    before = rows = 0
    for span in steps:
        start, n = span[0], span[1]
        end, running = start + n, start + min(rows, n)
        reads = stored.reads[start:running]
        read_states(h[before : before + rows], stored.h_hat[before : before + rows], mask, reads)
        product(reads, small_t, stored.small.gates[start:running])
        product(reads[:, :hidden], W_h_t, stored.from_h[start:running])
        _step(start, end, c_hat, weights.small_norm, stored.small, stored.h_hat[start:end])
        product(stored.h_hat[start:end], A_t, stored.z[start:end])
        _scale(stored.z[start:end], weights, 3, scales)
        _rescale(scales, weights.b_0, stored.from_x[start:end], stored.from_h[start:end], stored.large.gates[start:end])
        _step(start, end, c, weights.norm, stored.large, h[start:end])
        before, rows = start, n


@compiled
def _parts(z: Any, D: Any, part: int, gate: int) -> Any:
    """Where z_x, z_h or z_b of a gate stands in z, and where the gate's units stand in its scales."""
    n_z, hidden = D.shape[2:]
    first = part * (z.shape[1] // 3)
    if z.shape[1] > 3 * n_z:  # each gate has its own
        first += gate * n_z
    return slice(first, first + n_z), slice(gate * hidden, (gate + 1) * hidden)


@compiled
def _scale(z: Any, weights: Any, parts: int, scales: Any) -> None:
    """The scales d_x and d_h, and without b_0 also b if there are three parts: D z `[parts, n, gates * hidden]`."""
    for part in range(parts):
        scales[part] = 0
        for gate in range(weights.D.shape[1]):
            mine, units = _parts(z, weights.D, part, gate)
            product(z[:, mine], weights.D[part, gate], scales[part, :, units])


@compiled
def _rescale(scales: Any, b_0: Any, from_x: Any, from_h: Any, y: Any) -> None:
    """y = d_x * (W_x x) + d_h * (W_h h) + b, all `[n, gates * hidden]`."""
    for r in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[r, j] = scales[2, r, j] + b_0[j]
        for j in range(y.shape[1]):
            y[r, j] += scales[0, r, j] * from_x[r, j]
        for j in range(y.shape[1]):
            y[r, j] += scales[1, r, j] * from_h[r, j]


@compiled
def _rescale_backward(scales: Any, d_y: Any, from_x: Any, from_h: Any, d_from_x: Any, d_from_h: Any) -> None:
    """From the gradient of the pre-activations those of W_x x and W_h h, and of d_x and d_h in their place."""
    for r in range(d_y.shape[0]):
        for j in range(d_y.shape[1]):
            d_from_x[r, j] = scales[0, r, j] * d_y[r, j]
        for j in range(d_y.shape[1]):
            d_from_h[r, j] = scales[1, r, j] * d_y[r, j]
        for j in range(d_y.shape[1]):
            scales[0, r, j] = d_y[r, j] * from_x[r, j]
        for j in range(d_y.shape[1]):
            scales[1, r, j] = d_y[r, j] * from_h[r, j]


@compiled
def _scale_backward(scales: Any, d_y: Any, weights: Any, d_z: Any) -> None:
    """From the gradients of d_x and d_h, and of b, which has that of the pre-activations, to that of z."""
    n = len(d_z)
    for gate in range(weights.D.shape[1]):
        for part in range(3):
            mine, units = _parts(d_z, weights.D, part, gate)
            if part < 2:
                product(scales[part, :n, units], weights.D_t[part, gate], d_z[:, mine])
            else:
                product(d_y[:, units], weights.D_t[part, gate], d_z[:, mine])


@compiled
def gradient_of_scales(stored: Any, d_y: Any, d_D: Any) -> None:
    """Adds to `d_D`, as `Weights.D`, what all tokens give; scales' gradients are made again, a few rows at once."""
    some = np.empty((ROWS, d_y.shape[1]), d_y.dtype)
    for start in range(0, len(d_y), ROWS):
        end = min(start + ROWS, len(d_y))
        d, z = d_y[start:end], stored.z[start:end]
        for part in range(3):
            if part < 2:
                values = stored.from_x if part == 0 else stored.from_h
                for r in range(end - start):
                    for j in range(d_y.shape[1]):
                        some[r, j] = d[r, j] * values[start + r, j]
            for gate in range(d_D.shape[1]):
                mine, units = _parts(z, d_D, part, gate)
                if part < 2:
                    product(z[:, mine].T, some[: end - start, units], d_D[part, gate])
                else:
                    product(z[:, mine].T, d[:, units], d_D[part, gate])


@compiled
def recur_backward(steps: Any, mask: Any, weights: Any, stored: Any, d_outputs: Any, d: Any) -> None:
    """All steps, the last first: fills d from `d_outputs [tokens, hidden]`."""
    batch, hidden = mask.shape
    hyper, units = stored.h_hat.shape[1], len(weights.b_0)
    d_h, d_t, d_c = memory_gradients(mask, hidden)
    d_h_hat, d_t_hat, d_c_hat = memory_gradients(mask, hyper)
    d_reads = np.zeros((batch, hidden + hyper), mask.dtype)
    scales = np.empty((3, batch, units), mask.dtype)
    for span in steps[::-1]:
        start, n = span[0], span[1]
        end = start + n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        d_y = d.y[start:end]
        _step_backward(start, end, d_h, d_c, d_t, weights.norm, stored.large, d_y, d.norm)
        z, d_z, from_x, from_h = stored.z[start:end], d.z[start:end], stored.from_x[start:end], stored.from_h[start:end]
        _scale(z, weights, 2, scales)
        _rescale_backward(scales, d_y, from_x, from_h, d.from_x[start:end], d.from_h[start:end])
        _scale_backward(scales, d_y, weights, d_z)
        for r in range(n):
            for j in range(hyper):
                d_h_hat[r, j] = d_reads[r, hidden + j]
        product(d_z, weights.A, d_h_hat)
        d_small = d.small[start:end]
        _step_backward(start, end, d_h_hat, d_c_hat, d_t_hat, weights.small_norm, stored.small, d_small, d.small_norm)
        for r in range(n):
            for j in range(d_small.shape[1]):
                d.from_x[start + r, units + j] = d_small[r, j]
        d_reads[:n] = 0
        product(d_small, weights.small, d_reads)
        product(d.from_h[start:end], weights.W_h, d_reads)
