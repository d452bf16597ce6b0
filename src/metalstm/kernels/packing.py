"""Ragged batches without their padding, as the cells' kernels read and write them.

A batch that is sorted, longest first, is written step after step: row r of a packed array is row `tokens[r]` of the
padded batch `[batch * time, size]`.
"""

from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled, prepare

Array = np.ndarray[Any, Any]


@compiled
def places(lengths: Array, order: Array, time: int) -> tuple[Array, Array]:
    """How many rows each step has, and `tokens`; order: the sentences of `lengths [batch]`, longest first."""
    longest, total = 0, 0
    for length in lengths:
        longest = max(longest, length)
        total += length
    counts, tokens = np.zeros(longest, np.int64), np.empty(total, np.int64)
    row = 0
    for step in range(longest):
        while counts[step] < len(order) and lengths[order[counts[step]]] > step:
            tokens[row] = order[counts[step]] * time + step
            counts[step] += 1
            row += 1
    return counts, tokens


@compiled
def pack(padded: Array, tokens: Array, first: int, packed: Array) -> None:
    """The columns of `padded` from `first` on into the rows of `packed [tokens, size]`."""
    size = packed.shape[1]
    for r in range(len(tokens)):
        row = padded[tokens[r], first : first + size]
        for j in range(size):
            packed[r, j] = row[j]


@compiled
def unpack(packed: Array, tokens: Array, first: int, padded: Array) -> None:
    """The way back, into the same columns; the rest of `padded` stays as it is."""
    size = packed.shape[1]
    for r in range(len(tokens)):
        row = padded[tokens[r], first : first + size]
        for j in range(size):
            row[j] = packed[r, j]


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "batches without padding", [pack, unpack], dtype, seconds=2)
    table, one = np.zeros((1, 1), dtype), np.ones(1, np.int64)
    _, tokens = places(one, np.zeros(1, np.int64), 1)
    pack(table, tokens, 0, table)
    unpack(table, tokens, 0, table)
