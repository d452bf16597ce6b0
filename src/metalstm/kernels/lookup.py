"""Rows of tables at the places of tokens, and where their gradients go back to."""

from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled, prepare

Array = np.ndarray[Any, Any]


@compiled
def look_up(table: Array, places: Array, first: int, features: Array) -> None:
    """Row `places[token]` of `table [rows, size]` into the columns of `features [tokens, ...]` from `first` on."""
    size = table.shape[1]
    for token in range(len(places)):
        row, into = table[places[token]], features[token, first : first + size]
        for j in range(size):
            into[j] = row[j]


@compiled
def gradient(d_features: Array, places: Array, first: int, d_table: Array) -> None:
    """What `look_up` read there, added to the row of `d_table [rows, size]` that it came from."""
    size = d_table.shape[1]
    for token in range(len(places)):
        row, d = d_table[places[token]], d_features[token, first : first + size]
        for j in range(size):
            row[j] += d[j]


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "features", [look_up, gradient], dtype, seconds=2)
    table, places = np.zeros((1, 1), dtype), np.zeros(1, np.int64)
    look_up(table, places, 0, np.zeros((1, 1), dtype))
    gradient(table, places, 0, np.zeros((1, 1), dtype))
