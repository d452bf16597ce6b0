"""Batch norm of one step of time: `BatchNorm` of `nn/cells/normalised.py`, over the rows of the step."""

from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import Array


class Population(NamedTuple):
    """What the step number t of all batches so far was like; training changes it in place."""

    tokens: Array
    """How many, old ones weighing less, `[steps]`."""
    mean: Array
    """`[steps, size]`."""
    squares: Array
    """Summed squared distances to the mean `[steps, size]`."""


@compiled
def known_steps(count: Any) -> int:
    """How many steps, from the first on, have population statistics with a variance."""
    known = 0
    while known < len(count) and count[known] >= 2:
        known += 1
    return known


@compiled
def batch_norm(
    y: Any, learning: bool, population: Any, written: int, read: int, decay: float, epsilon: float, scale: Any
) -> None:
    """y = (y - mean) * scale in place for `y [n, size]`, with `scale [size]` = 1 / sqrt(variance + epsilon).

    learning: mean and variance are those of the n rows, and these are added to row `written` of the population.
    Otherwise, and for a single row, they are those of row `read` of the population as it was before; 0 and 1 if there
    is none, which -1 says.
    """
    n, size = y.shape
    number = y.dtype.type
    rows = number(n)
    mean, squares = np.zeros(size, y.dtype), np.zeros(size, y.dtype)
    if learning:
        for r in range(n):
            for j in range(size):
                mean[j] += y[r, j]
        for j in range(size):
            mean[j] /= rows
        for r in range(n):
            for j in range(size):
                squares[j] += (y[r, j] - mean[j]) * (y[r, j] - mean[j])
    centre, variance = mean, np.ones(size, y.dtype)
    if learning and n > 1:
        for j in range(size):
            variance[j] = squares[j] / rows
    else:
        centre = np.zeros(size, y.dtype)
        if read >= 0:
            for j in range(size):
                centre[j] = population.mean[read, j]
                variance[j] = population.squares[read, j] / population.tokens[read]
    if learning:
        _merge(rows, mean, squares, population, written, number(decay))
    for j in range(size):
        scale[j] = number(1) / np.sqrt(variance[j] + number(epsilon))
    for r in range(n):
        for j in range(size):
            y[r, j] = (y[r, j] - centre[j]) * scale[j]


@compiled
def _merge(rows: Any, mean: Any, squares: Any, population: Any, row: int, decay: Any) -> None:
    """Add a batch to a row of the population: Chan, Golub and LeVeque 1979."""
    before = population.tokens[row] * decay
    after = before + rows
    population.tokens[row] = after
    for j in range(len(mean)):
        shift = mean[j] - population.mean[row, j]
        population.mean[row, j] += shift * (rows / after)
        population.squares[row, j] = population.squares[row, j] * decay + squares[j]
        population.squares[row, j] += shift * shift * (before * rows / after)


@compiled
def batch_norm_backward(
    d: Any, gain: Any, learning: bool, normed: Any, scale: Any, d_gain: Any, d_bias: Any, d_y: Any
) -> None:
    """From d of gain * normed + bias `[n, size]` to d_y; adds to d_gain and d_bias. `d_y` may be d itself."""
    n, size = d.shape
    number = d.dtype.type
    total, product = np.zeros(size, d.dtype), np.zeros(size, d.dtype)
    for r in range(n):
        for j in range(size):
            total[j] += d[r, j]
        for j in range(size):
            product[j] += d[r, j] * normed[r, j]
    for j in range(size):
        d_gain[j] += product[j]
    for j in range(size):
        d_bias[j] += total[j]
    # statistics of the rows themselves have a gradient, those of the population none
    share = number(1) / number(n) if learning and n > 1 else number(0)
    for j in range(size):
        total[j] *= share
        product[j] *= share
    for r in range(n):
        for j in range(size):
            d_y[r, j] = gain[j] * scale[j] * (d[r, j] - total[j] - normed[r, j] * product[j])
