"""What becomes of a gradient: its norm, and new weights, in one pass over each parameter.

The rules are those of `torch.optim`, which names the sources; here a rule is a loop in which nothing is written but
weights and moments.
"""

from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, compiled, prepare

Array = np.ndarray[Any, Any]


@partial(compiled, fastmath=REORDER)
def sum_of_squares(values: Array) -> float:
    """Of `values [numbers]`, summed in float64: the square of a float32 may be too large for its own type."""
    total = 0.0
    for j in range(len(values)):
        total += np.float64(values[j]) * np.float64(values[j])
    return total


@compiled
def scale(values: Array, factor: float) -> None:
    """Multiply `values [numbers]` where they stand."""
    factor = values.dtype.type(factor)
    for j in range(len(values)):
        values[j] *= factor


@compiled
def descend(weights: Array, gradient: Array, velocity: Array, rate: float, momentum: float, decay: float) -> None:
    """Gradient descent on `weights [numbers]` along a velocity, of which the share `momentum` stays from step to step.

    `decay` times the weights is added to their gradient.
    """
    number = weights.dtype.type
    rate, momentum, decay = number(rate), number(momentum), number(decay)
    for j in range(len(weights)):
        velocity[j] = momentum * velocity[j] + (gradient[j] + decay * weights[j])
        weights[j] -= rate * velocity[j]


@compiled
def adapt(
    weights: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    beta_of_mean: float,
    beta_of_square: float,
    shrink: float,
    decay: float,
    rate_of_gradient: float,
    rate_of_mean: float,
    root: float,
    epsilon: float,
) -> None:
    """The rules of Adam's kind on `weights [numbers]`, by running means of their gradient and of its square.

    The betas are the shares of these means that stay. `shrink` is the share of the weights that is taken off, and
    `decay` what multiple of them is added to their gradient. The two rates, of the gradient and of its mean, are
    divided by `root` times the root of the mean square, plus `epsilon`.
    """
    number = weights.dtype.type
    # A small difference to one is taken before it is rounded.
    new_mean, new_square = number(1.0 - beta_of_mean), number(1.0 - beta_of_square)
    kept_square, kept, decay = number(beta_of_square), number(1.0 - shrink), number(decay)
    of_gradient, of_mean = number(rate_of_gradient), number(rate_of_mean)
    root, epsilon = number(root), number(epsilon)
    for j in range(len(weights)):
        g = gradient[j] + decay * weights[j]
        mean[j] += new_mean * (g - mean[j])
        square[j] = kept_square * square[j] + new_square * g * g
        step = of_gradient * g + of_mean * mean[j]
        weights[j] = kept * weights[j] - step / (root * np.sqrt(square[j]) + epsilon)


@compiled
def adapt_rows(
    table: Array,
    rows: Array,
    gradient: Array,
    mean: Array,
    square: Array,
    beta_of_mean: float,
    beta_of_square: float,
    rate: float,
    epsilon: float,
) -> None:
    """`adapt` on different `rows` of `table [words, size]`, whose gradient is `[rows, size]`, without decay.

    `mean` and `square` are `[words, size]`; those of other rows stay as they are.
    """
    for i in range(len(rows)):
        row = rows[i]
        adapt(
            table[row],
            gradient[i],
            mean[row],
            square[row],
            beta_of_mean,
            beta_of_square,
            0.0,
            0.0,
            0.0,
            rate,
            1.0,
            epsilon,
        )


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    every = [sum_of_squares, scale, descend, adapt, adapt_rows]
    prepare(__name__, "the optimisers", every, dtype, seconds=3)
    one, table = np.zeros(1, dtype), np.zeros((1, 1), dtype)
    sum_of_squares(one)
    scale(one, 1.0)
    descend(one, one.copy(), one.copy(), 0.0, 0.0, 0.0)
    adapt(one, one.copy(), one.copy(), one.copy(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    adapt_rows(table, np.zeros(1, np.int64), table.copy(), table.copy(), table.copy(), 0.0, 0.0, 0.0, 1.0)
