"""The convolution of `nn.characters` and its maximum, as a look-up.

A filter sees a character only through the product of its weight at that place with the character's embedding. There
are few characters, so all these products stand in a table, and a window is the sum of as many of its rows as the
filter is wide.
"""

from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, announce, compiled

Array = np.ndarray[Any, Any]


@partial(compiled, fastmath=REORDER)
def greatest(table: Array, bias: Array, spellings: Array, lengths: Array) -> tuple[Array, Array]:
    """The greatest value of each filter over a word, `[words, filters]`, and where its window is centred (int32).

    table: `[characters, width, filters]`, what a character adds at each place of a window.
    spellings, lengths: `[words, longest]` and `[words]`, int64; padding is never read.
    """
    words = len(spellings)
    width, filters = table.shape[1:]
    side = width // 2
    values = np.empty((words, filters), table.dtype)
    centres = np.zeros((words, filters), np.int32)
    window = np.empty(filters, table.dtype)
    for word in range(words):
        length = lengths[word]
        for centre in range(length):
            for f in range(filters):
                window[f] = bias[f]
            for place in range(max(0, side - centre), min(width, length + side - centre)):
                row = table[spellings[word, centre + place - side], place]
                for f in range(filters):
                    window[f] += row[f]
            if centre == 0:
                values[word] = window
                continue
            for f in range(filters):
                # A NaN is greater than all, so that it is not overlooked.
                greater = window[f] > values[word, f] or window[f] != window[f]
                values[word, f] = window[f] if greater else values[word, f]
                centres[word, f] = np.int32(centre) if greater else centres[word, f]
    return values, centres


@compiled
def gradient(
    d_values: Array, centres: Array, spellings: Array, lengths: Array, characters: int, width: int
) -> tuple[Array, Array]:
    """The gradients of table and bias: that of a value goes to every row of the window that it comes from."""
    words, filters = d_values.shape
    side = width // 2
    d_table = np.zeros((characters, width, filters), d_values.dtype)
    d_bias = np.zeros(filters, d_values.dtype)
    for word in range(words):
        for f in range(filters):
            d_bias[f] += d_values[word, f]
        for f in range(filters):
            first = centres[word, f] - side
            for place in range(max(0, -first), min(width, lengths[word] - first)):
                d_table[spellings[word, first + place], place, f] += d_values[word, f]
    return d_table, d_bias


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for tables of this float type."""
    announce("the character CNN", [greatest, gradient], dtype, seconds=2)
    spellings, lengths = np.zeros((1, 1), np.int64), np.ones(1, np.int64)
    values, centres = greatest(np.zeros((1, 1, 1), dtype), np.zeros(1, dtype), spellings, lengths)
    gradient(values, centres, spellings, lengths, 1, 1)
