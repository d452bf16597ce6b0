"""What the kernels of all cells have in common: the state h between two steps, and what is kept of a run."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from metalstm.kernels.compilation import compiled
from metalstm.kernels.products import Array, Multiply


@compiled
def steps_of(counts: Any, backwards: bool) -> Any:
    """The first row of each step, and how many it has, in the order of reading: `[steps, 2]`.

    From the first step to the last; or from the last to the first, where a step is joined by the sentences that end
    there.
    """
    steps = np.empty((len(counts), 2), np.int64)
    first = 0
    for step in range(len(counts)):
        place = len(counts) - 1 - step if backwards else step
        steps[place, 0] = first
        steps[place, 1] = counts[step]
        first += counts[step]
    return steps


EVERY = slice(None)
"""Every column of x."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every `backward` has to know of its `forward`."""

    x: Array
    steps: Array
    """See `steps_of`."""
    mask: Array
    reads: Array
    """The masked h that each step read `[tokens, hidden]`; a small network's own h may follow."""


def product_gradients(
    d_from_x: Array, d_from_h: Array, run: Run, multiply: Multiply, W_x: Array, learned: slice
) -> tuple[Array, Array, Array]:
    """The gradients of x, W_x and W_h from those of W_x x and W_h h, as one large product each.

    learned: the columns of x that a gradient is asked for. Frozen word vectors are most of what a tagger reads.
    """
    return multiply(d_from_x, W_x[:, learned].T), multiply(d_from_x.T, run.x.T), multiply(d_from_h.T, run.reads.T)


@compiled
def column_sums(d: Any) -> Any:
    """The sum of the rows of `d [tokens, size]`: the gradient of a bias from those of what it was added to."""
    total = np.zeros(d.shape[1], d.dtype)
    for r in range(d.shape[0]):
        for j in range(d.shape[1]):
            total[j] += d[r, j]
    return total


@compiled
def read_state(h: Any, mask: Any, reads: Any) -> None:
    """The masked h of the step before, into the first columns of `reads [n, ..]`."""
    for r in range(reads.shape[0]):
        for j in range(mask.shape[1]):
            reads[r, j] = h[r, j] * mask[r, j]


@compiled
def read_states(h: Any, h_hat: Any, mask: Any, reads: Any) -> None:
    """`read_state`, and behind it the h^ of a small network, which no mask is for."""
    read_state(h, mask, reads)
    hidden = mask.shape[1]
    for r in range(reads.shape[0]):
        for j in range(h_hat.shape[1]):
            reads[r, hidden + j] = h_hat[r, j]


@compiled
def state_gradient(d_outputs: Any, d_reads: Any, mask: Any, d_h: Any) -> None:
    """The gradient of a step's h: what its reader, behind the mask, and what the layer above give back."""
    for r in range(d_outputs.shape[0]):
        for j in range(d_outputs.shape[1]):
            d_h[r, j] = d_outputs[r, j] + d_reads[r, j] * mask[r, j]


@compiled
def memory_gradients(mask: Any, size: int) -> Any:
    """Room for the gradients of h, of c' on its way to h, and zeros for that of c, each `[batch, size]`."""
    shape = len(mask), size
    return np.empty(shape, mask.dtype), np.empty(shape, mask.dtype), np.zeros(shape, mask.dtype)
