"""The convolution of `nn.characters` and its maximum, as a look-up.

A filter sees a character only through the product of its weight at that place with the character's embedding. There
are few characters, so all these products stand in a table, and a window is the sum of as many of its rows as the
filter is wide.
"""

from functools import partial
from typing import Any

import numpy as np

from metalstm.kernels.compilation import REORDER, compiled, prepare
from metalstm.kernels.products import product

Array = np.ndarray[Any, Any]


@partial(compiled, fastmath=REORDER)
def greatest(
    embedding: Array, weight: Array, bias: Array, spellings: Array, lengths: Array
) -> tuple[Array, Array, Array]:
    """The greatest value of each filter over a word, `[words, filters]`, and where its window is centred (int32).

    Last comes the weight as `gradient` takes it. embedding: `[characters, size]`. weight: `[filters, size, width]`.
    spellings, lengths: `[words, longest]` and `[words]`, int64; padding is never read.
    """
    words = len(spellings)
    filters, size, width = weight.shape
    side = width // 2
    by_place = np.empty((size, width * filters), weight.dtype)
    for f in range(filters):
        for k in range(size):
            for place in range(width):
                by_place[k, place * filters + f] = weight[f, k, place]
    table = np.zeros((len(embedding), width * filters), weight.dtype)
    product(embedding, by_place, table)
    values = np.empty((words, filters), table.dtype)
    centres = np.zeros((words, filters), np.int32)
    window = np.empty(filters, table.dtype)
    for word in range(words):
        length = lengths[word]
        for centre in range(length):
            for f in range(filters):
                window[f] = bias[f]
            for place in range(max(0, side - centre), min(width, length + side - centre)):
                row = table[spellings[word, centre + place - side], place * filters : (place + 1) * filters]
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
    return values, centres, by_place


@compiled
def gradient(
    d_values: Array, centres: Array, spellings: Array, lengths: Array, embedding: Array, by_place: Array
) -> tuple[Array, Array, Array]:
    """The gradients of embedding, weight and bias: that of a value goes to every row of the window it comes from."""
    words, filters = d_values.shape
    characters, size = embedding.shape
    width = by_place.shape[1] // filters
    side = width // 2
    d_table = np.zeros((characters, width * filters), d_values.dtype)
    d_bias = np.zeros(filters, d_values.dtype)
    for word in range(words):
        for f in range(filters):
            d_bias[f] += d_values[word, f]
        for f in range(filters):
            first = centres[word, f] - side
            for place in range(max(0, -first), min(width, lengths[word] - first)):
                d_table[spellings[word, first + place], place * filters + f] += d_values[word, f]
    d_embedding = np.zeros((characters, size), d_values.dtype)
    product(d_table, np.ascontiguousarray(by_place.T), d_embedding)
    d_by_place = np.zeros((size, width * filters), d_values.dtype)
    product(embedding.T, d_table, d_by_place)
    d_weight = np.empty((filters, size, width), d_values.dtype)
    for f in range(filters):
        for k in range(size):
            for place in range(width):
                d_weight[f, k, place] = d_by_place[k, place * filters + f]
    return d_embedding, d_weight, d_bias


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for tables of this float type."""
    prepare(__name__, "the character CNN", [greatest, gradient], dtype, seconds=8)
    spellings, lengths = np.zeros((1, 1), np.int64), np.ones(1, np.int64)
    embedding, weight = np.zeros((1, 1), dtype), np.zeros((1, 1, 1), dtype)
    values, centres, by_place = greatest(embedding, weight, np.zeros(1, dtype), spellings, lengths)
    gradient(values, centres, spellings, lengths, embedding, by_place)
