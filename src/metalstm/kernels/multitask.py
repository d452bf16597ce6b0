"""The multi-task cell of `nn/cells/multitask.py` over whole packed sequences (see `lstm.py`), forward and backward.

The Meta-LSTM reads [x; h] and gives h^; z = W_z h^ and q = Q [x; h]. A gate's pre-activation P^T (z * q) + B z is one
product of the factors [z * q; z] with [P; B^T]. Sentences of one task are brought together for each product with a
weight of their task.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from metalstm.kernels import lstm
from metalstm.kernels.compilation import compiled, prepare
from metalstm.kernels.lstm import Activations, Norm, new_activations, no_norm
from metalstm.kernels.products import Array, Multiply, by_numpy, product, transposed
from metalstm.kernels.state import EVERY, Run, column_sums, memory_gradients, read_states, state_gradient, steps_of


class Weights(NamedTuple):
    """What the steps multiply with, laid out for them."""

    small: Array
    """The Meta-LSTM's weights for [h; h^], `[4 * meta, hidden + meta]`."""
    W_z: Array
    """`[N_z, meta]`."""
    Q_h: Array
    """`[tasks, 4 * N_z, hidden]`."""
    PB: Array
    """P, then B transposed, `[tasks, 4, 2 * N_z, hidden]`."""
    norm: Norm
    """Empty: nothing is normalised."""


class Members(NamedTuple):
    """Which sentences of the sorted batch belong to which task."""

    sentences: Array
    """Those of the first task, in the order of the batch, then those of the second: `[batch]`."""
    first: Array
    """Where each task starts in it, and where the last one ends: `[tasks + 1]`."""


class MultiTaskActivations(NamedTuple):
    """What the steps store for the backward pass; every array has a row for each token."""

    q: Array
    """`[tokens, 4 * N_z]`."""
    z: Array
    """`[tokens, N_z]`."""
    factors: Array
    """[z * q; z] of each gate, `[tokens, 4, 2 * N_z]`."""
    reads: Array
    """Masked h, then h^, as each step read them `[tokens, hidden + meta]`."""
    h_hat: Array
    """`[tokens, meta]`."""
    large: Activations
    small: Activations


class Gradients(NamedTuple):
    """What the backward steps leave: gradients of each token's activations, and of PB, summed already."""

    q: Array
    z: Array
    small: Array
    """Of the Meta-LSTM's pre-activations `[tokens, 4 * meta]`."""
    PB: Array


@dataclass(frozen=True, slots=True)
class MultiTaskRun(Run):
    """All that `backward` has to know of `forward`; `reads` holds h^ behind h."""

    members: Members
    rows: tuple[Array, ...]
    """The tokens of each task."""
    weights: Weights
    stored: MultiTaskActivations


def forward(
    x: Array,
    counts: Array,
    mask: Array,
    multiply: Multiply,
    small_W_x: Array,
    small_W_h: Array,
    small_b: Array,
    W_z: Array,
    *own: Array,
    tasks: Array,
    backwards: bool = False,
) -> tuple[Array, MultiTaskRun]:
    """h `[tokens, hidden]` for `x [tokens, input]`, and what `backward` needs.

    Weights have the shapes of `nn/cells/multitask.py`; own: P, Q and B of one task after the other. tasks: for each
    sentence of the batch, the number of its task among these.
    """
    tokens, size = x.shape
    hidden, (n_z, meta) = mask.shape[1], W_z.shape
    Ps, Qs, Bs = own[::3], [Q.reshape(4 * n_z, -1) for Q in own[1::3]], own[2::3]
    weights = Weights(
        small=np.concatenate([small_W_x[:, size:], small_W_h], axis=1),
        W_z=W_z,
        Q_h=np.stack([Q[:, size:] for Q in Qs]),
        PB=np.stack([np.concatenate([P, np.swapaxes(B, 1, 2)], axis=1) for P, B in zip(Ps, Bs, strict=True)]),
        norm=no_norm(x.dtype),
    )
    members = Members(
        sentences=np.argsort(tasks, kind="stable"), first=np.searchsorted(np.sort(tasks), np.arange(len(Ps) + 1))
    )
    starts = np.cumsum(counts) - counts
    token_tasks = tasks[np.arange(counts.sum()) - np.repeat(starts, counts)]
    rows = tuple(np.flatnonzero(token_tasks == task) for task in range(len(Ps)))
    q = np.empty((tokens, 4 * n_z), x.dtype)
    for Q, mine in zip(Qs, rows, strict=True):
        q[mine] = multiply(x[mine], Q[:, :size])
    small = multiply(x, small_W_x[:, :size], small_b)
    stored = MultiTaskActivations(
        q=q,
        z=np.zeros((tokens, n_z), x.dtype),
        factors=np.empty((tokens, 4, 2 * n_z), x.dtype),
        reads=np.zeros((tokens, hidden + meta), x.dtype),
        h_hat=np.zeros((tokens, meta), x.dtype),
        large=new_activations(np.empty((tokens, 4 * hidden), x.dtype), weights.norm),
        small=new_activations(small, weights.norm),
    )
    steps, h = steps_of(counts, backwards), np.empty((tokens, hidden), x.dtype)
    transposes = map(transposed, (weights.small, weights.W_z, weights.Q_h))
    _forward(steps, mask, tasks, members, *transposes, weights, stored, h)
    return h, MultiTaskRun(x, steps, mask, stored.reads, members, rows, weights, stored)


def backward(
    d_h: Array,
    run: MultiTaskRun,
    multiply: Multiply,
    small_W_x: Array,
    small_W_h: Array,
    small_b: Array,
    W_z: Array,
    *own: Array,
    learned: slice = EVERY,
) -> tuple[Array, ...]:
    """The gradients of x (of its columns `learned`) and of all weights from that of h."""
    stored, size = run.stored, run.x.shape[1]
    hidden, n_z = run.mask.shape[1], len(W_z)
    d = Gradients(*map(np.zeros_like, (stored.q, stored.z, stored.small.gates, run.weights.PB)))
    _backward(run.steps, run.mask, transposed(run.weights.PB), run.members, run.weights, stored, d_h, d)

    d_x = multiply(d.small, small_W_x[:, :size][:, learned].T)
    d_own: list[Array] = []
    for (P, Q, B), mine, d_PB in zip(zip(own[::3], own[1::3], own[2::3], strict=True), run.rows, d.PB, strict=True):
        x, reads, d_q = run.x[mine], stored.reads[mine], d.q[mine]
        Q_x = Q.reshape(4 * n_z, -1)[:, :size]
        d_x[mine] += multiply(d_q, Q_x[:, learned].T)
        d_Q = np.concatenate([multiply(d_q.T, x.T), multiply(d_q.T, reads.T)[:, :hidden]], axis=1)
        d_own += [
            d_PB[:, :n_z].reshape(P.shape),
            d_Q.reshape(Q.shape),
            np.swapaxes(d_PB[:, n_z:], 1, 2).reshape(B.shape),
        ]
    d_small = multiply(d.small.T, stored.reads.T)
    return (
        d_x,
        np.concatenate([multiply(d.small.T, run.x.T), d_small[:, :hidden]], axis=1),
        d_small[:, hidden:],
        column_sums(d.small),
        multiply(d.z.T, stored.h_hat.T),
        *d_own,
    )


@compiled
def _running(members: Any, task: int, n: int) -> Any:
    """The sentences of a task among the first n of the batch."""
    first, end = members.first[task], members.first[task + 1]
    while end > first and members.sentences[end - 1] >= n:
        end -= 1
    return members.sentences[first:end]


@compiled
def _forward(
    steps: Any,
    mask: Any,
    tasks: Any,
    members: Any,
    small_t: Any,
    W_z_t: Any,
    Q_h_t: Any,
    weights: Any,
    stored: Any,
    h: Any,
) -> None:
    batch, hidden = mask.shape
    n_z, meta = stored.z.shape[1], stored.small.memory.shape[1]
    c, c_hat = np.zeros((batch, hidden), h.dtype), np.zeros((batch, meta), h.dtype)
    own_h, own_q = np.empty((batch, hidden), h.dtype), np.empty((batch, 4 * n_z), h.dtype)
    before = rows = 0
    for span in steps:
        start, n = span[0], span[1]
        end, running = start + n, min(rows, n)
        reads = stored.reads[start : start + running]
        read_states(h[before : before + rows], stored.h_hat[before : before + rows], mask, reads)
        product(reads, small_t, stored.small.gates[start : start + running])
        for task in range(len(Q_h_t)):
            mine = _running(members, task, running)
            for i in range(len(mine)):
                own_h[i] = reads[mine[i], :hidden]
                own_q[i] = stored.q[start + mine[i]]
            product(own_h[: len(mine)], Q_h_t[task], own_q)
            for i in range(len(mine)):
                stored.q[start + mine[i]] = own_q[i]
        lstm.step(start, end, c_hat, weights.norm, stored.small, stored.h_hat[start:end])
        product(stored.h_hat[start:end], W_z_t, stored.z[start:end])
        for row in range(start, end):
            for gate in range(4):
                for k in range(n_z):
                    stored.factors[row, gate, k] = stored.z[row, k] * stored.q[row, gate * n_z + k]
                    stored.factors[row, gate, n_z + k] = stored.z[row, k]
                y = stored.large.gates[row : row + 1, gate * hidden : (gate + 1) * hidden]
                y[:] = 0
                product(stored.factors[row, gate : gate + 1], weights.PB[tasks[row - start], gate], y)
        lstm.step(start, end, c, weights.norm, stored.large, h[start:end])
        before, rows = start, n


@compiled
def _backward(
    steps: Any,
    mask: Any,
    PB_t: Any,
    members: Any,
    weights: Any,
    stored: Any,
    d_outputs: Any,
    d: Any,
) -> None:
    batch, hidden = mask.shape
    dtype = d_outputs.dtype
    n_z, meta = weights.W_z.shape
    d_h, d_t, d_c = memory_gradients(mask, hidden)
    d_h_hat, d_t_hat, d_c_hat = memory_gradients(mask, meta)
    d_reads = np.zeros((batch, hidden + meta), dtype)
    d_y = np.empty((batch, 4 * hidden), dtype)
    # rows of one task
    own_y, own_reads = np.empty(mask.shape, dtype), np.empty(mask.shape, dtype)
    own_factors, d_factors = np.empty((batch, 2 * n_z), dtype), np.empty((batch, 2 * n_z), dtype)
    own_q = np.empty((batch, 4 * n_z), dtype)
    for span in steps[::-1]:
        start, n = span[0], span[1]
        end = start + n
        state_gradient(d_outputs[start:end], d_reads, mask, d_h)
        lstm.step_backward(start, end, d_h, d_c, d_t, weights.norm, stored.large, d_y[:n], weights.norm)
        d_h_hat[:n] = d_reads[:n, hidden:]
        d_reads[:n] = 0
        for task in range(len(weights.PB)):
            mine = _running(members, task, n)
            m = len(mine)
            for gate in range(4):
                for i in range(m):
                    own_y[i] = d_y[mine[i], gate * hidden : (gate + 1) * hidden]
                    own_factors[i] = stored.factors[start + mine[i], gate]
                product(own_factors[:m].T, own_y[:m], d.PB[task, gate])
                d_factors[:m] = 0
                product(own_y[:m], PB_t[task, gate], d_factors)
                for i in range(m):
                    row = start + mine[i]
                    for k in range(n_z):
                        own_q[i, gate * n_z + k] = d_factors[i, k] * stored.z[row, k]
                        d.z[row, k] += d_factors[i, k] * stored.q[row, gate * n_z + k] + d_factors[i, n_z + k]
            own_reads[:m] = 0
            product(own_q[:m], weights.Q_h[task], own_reads)
            for i in range(m):
                d.q[start + mine[i]] = own_q[i]
                d_reads[mine[i], :hidden] = own_reads[i]
        product(d.z[start:end], weights.W_z, d_h_hat)
        d_small = d.small[start:end]
        lstm.step_backward(start, end, d_h_hat, d_c_hat, d_t_hat, weights.norm, stored.small, d_small, weights.norm)
        product(d_small, weights.small, d_reads)


def compile(dtype: np.dtype[Any]) -> None:
    """Make or load the machine code for numbers of this type."""
    prepare(__name__, "the multi-task cell", [_forward, _backward], dtype, seconds=20)
    x, b = np.zeros((1, 1), dtype), np.zeros(4, dtype)
    own = np.zeros((4, 1, 1), dtype), np.zeros((4, 1, 2), dtype), np.zeros((4, 1, 1), dtype)
    weights = np.zeros((4, 2), dtype), np.zeros((4, 1), dtype), b, x, *own
    h, run = forward(x, np.ones(1, np.int64), x, by_numpy, *weights, tasks=np.zeros(1, np.int64))
    backward(h, run, by_numpy, *weights)
