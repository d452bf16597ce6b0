"""The norm of a gradient, in one pass over each of its parts."""

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


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the gradient's norm", [sum_of_squares], dtype, seconds=2)
    sum_of_squares(np.zeros(1, dtype))
