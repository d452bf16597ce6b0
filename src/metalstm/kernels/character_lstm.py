"""The last states of an LSTM over the characters of words.

An LSTM sees a character only through W_x x + b. There are few characters, so these stand in a table, as in
`characters.py`: a step looks its rows up, and gradients are summed by character before they meet W_x.
"""

from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels import lookup, lstm, packing
from metalstm.kernels.state import steps_of

Array = np.ndarray[Any, Any]


class Words(NamedTuple):
    """Words step after step, longest first, as in `packing.py`."""

    counts: Array
    """How many words have a character at each step."""
    characters: Array
    """Their ids, one for each row."""
    first: Array
    """The row of each word's first character, by its number before they were sorted."""
    last: Array


def words_of(spellings: Array, lengths: Array) -> Words:
    """From `spellings [words, longest]`, whose padding is never read, and `lengths [words]`."""
    order = np.argsort(-lengths, kind="stable")
    counts, places = packing.places(lengths, order, spellings.shape[1])
    first = np.empty(len(order), np.int64)
    first[order] = np.arange(len(order))
    return Words(counts, spellings.reshape(-1)[places], first, first + (np.cumsum(counts) - counts)[lengths - 1])


def forward(
    words: Words, embedding: Array, W_x: Array, W_h: Array, b: Array, *, backwards: bool = False
) -> tuple[Array, lstm.LSTMRun]:
    """h after the last character that is read of each word `[words, hidden]`, and what `backward` needs.

    embedding: `[characters, size]`; the weights are those of `lstm.forward`.
    """
    table = embedding @ W_x.T + b
    steps = steps_of(words.counts, backwards)
    mask = np.ones((len(words.first), W_h.shape[1]), table.dtype)
    h, run = lstm.recur(words.characters, steps, mask, table[words.characters], W_h, lstm.no_norm(table.dtype))
    return h[words.first if backwards else words.last], run


def backward(
    d_states: Array, run: lstm.LSTMRun, words: Words, embedding: Array, W_x: Array, W_h: Array, *, backwards: bool
) -> tuple[Array, Array, Array, Array]:
    """The gradients of embedding, W_x, W_h and b from that of what `forward` gave."""
    d_h = np.zeros((len(words.characters), W_h.shape[1]), d_states.dtype)
    d_h[words.first if backwards else words.last] = d_states
    d_gates, _ = lstm.recur_backward(d_h, run, W_h)
    d_table = np.zeros((len(embedding), d_gates.shape[1]), d_gates.dtype)
    lookup.gradient(d_gates, words.characters, 0, d_table)
    return d_table @ W_x, d_table.T @ embedding, d_gates.T @ run.reads, d_table.sum(axis=0)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    packing.compile(dtype)
    lookup.compile(dtype)
    lstm.compile(dtype)
