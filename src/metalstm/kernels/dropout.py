"""Dropout whose mask is never stored: whether a value is kept follows from a seed and from the value's number.

The mask of the forward pass is therefore made again in the backward pass, by the same function. Random numbers by
counter instead of by sequence: Salmon 2011, 'Parallel random numbers: as easy as 1, 2, 3'. Their mixing functions
pass the hardest tests; for dropout one of four multiplications is enough.
"""

from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled, prepare

Array = np.ndarray[Any, Any]


@compiled
def dropout(values: Array, numbers: Array, first: int, size: int, seed: int, rate: float) -> Array:
    """`values [rows, columns]` with a share `rate` of them zero and the others scaled by 1 / (1 - rate).

    They are the columns from `first` on of rows of `size`. Row r has the number `numbers[r]`, and its values are
    numbered from `size` times that on, modulo 2^32; those of equal numbers share their fate. seed: 0 to 2^63 - 1.
    """
    result = np.empty(values.shape, values.dtype)
    scale = values.dtype.type(1.0 / (1.0 - rate))
    zero = values.dtype.type(0.0)
    dropped = np.uint32(rate * 4294967296.0)
    low, high = np.uint32(seed), np.uint32(seed >> 32)
    for r in range(len(values)):
        row = result[r]
        number = np.uint32(numbers[r] * size + first)
        for k in range(values.shape[1]):
            kept = _mixed(np.uint32(number + np.uint32(k)), low, high) >= dropped
            row[k] = values[r, k] * (scale if kept else zero)
    return result


@compiled
def _mixed(number: Any, low: Any, high: Any) -> Any:
    """32 bits in which every bit of `number` and of the seed's two halves counts: Wellons 2018, hash-prospector."""
    bits = np.uint32(np.uint32(number * np.uint32(0x9E3779B9)) + low)
    bits = np.uint32((bits ^ (bits >> np.uint32(17))) * np.uint32(0xED5AD4BB)) ^ high
    bits = np.uint32((bits ^ (bits >> np.uint32(11))) * np.uint32(0xAC4C1B51))
    bits = np.uint32((bits ^ (bits >> np.uint32(15))) * np.uint32(0x31848BAB))
    return bits ^ (bits >> np.uint32(14))


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for values of this float type."""
    prepare(__name__, "dropout", [dropout], dtype, seconds=2)
    dropout(np.zeros((1, 1), dtype), np.zeros(1, np.int64), 0, 1, 1, 0.5)
