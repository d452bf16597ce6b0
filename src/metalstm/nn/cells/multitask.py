"""Meta multi-task learning (Chen, Qiu, Liu and Huang 2018, 'Meta Multi-Task Learning for Sequence Modeling').

One Meta-LSTM, shared by all tasks, reads [x; h] and gives h^; z = W_z h^. Each task k owns P_k, Q_k and B_k, and the
weights of its LSTM are made anew at every step:

    W_k = P_k^T diag(z) Q_k        y = W_k [x; h] + B_k z = P_k^T (z * (Q_k [x; h])) + B_k z

for the pre-activation y of each gate. W_k is never built. For transfer to a new task, train a task's P, Q and B while
the Meta-LSTM and W_z are frozen.
"""

from collections.abc import Iterable
from itertools import repeat
from types import ModuleType
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import KERNELS, Cell, State, loop
from metalstm.nn.cells.compiled import CompiledKernel
from metalstm.nn.cells.lstm import LSTM, remember
from metalstm.nn.cells.options import MultiTaskOptions
from metalstm.nn.cells.starts import scaled_uniform_


class Task(nn.Module):
    """What one task owns: P `[4, N_z, hidden]`, Q `[4, N_z, input + hidden]` and B `[4, hidden, N_z]`."""

    def __init__(self, input_size: int, hidden_size: int, n_z: int) -> None:
        """Starts with every weight uniform with variance 1 / N_z, as the authors' code does."""
        super().__init__()
        self.P = nn.Parameter(torch.empty(4, n_z, hidden_size))
        self.Q = nn.Parameter(torch.empty(4, n_z, input_size + hidden_size))
        self.B = nn.Parameter(torch.empty(4, hidden_size, n_z))
        for weight in (self.P, self.Q, self.B):
            scaled_uniform_(weight, n_z)


class Weights(NamedTuple):
    """What does not change from step to step, for the tasks of a batch."""

    read_h: Tensor
    """The Meta-LSTM's weights for h, `[hidden, 4 * meta]`."""
    Q_h: Tensor
    """`[tasks, hidden, 4 * N_z]`."""
    P: Tensor
    """`[4, tasks, N_z, hidden]`."""
    B: Tensor
    """`[4, tasks, N_z, hidden]`: B transposed."""


Prepared = tuple[Tensor, Tensor, Weights]


class MetaMultiTask(Cell):
    """The task-specific LSTM of each sentence's own corpus, made by the shared Meta-LSTM at every step."""

    takes_corpus: ClassVar[bool] = True

    def __init__(self, input_size: int, hidden_size: int, options: MultiTaskOptions) -> None:
        """`options.num_tasks` tasks, numbered from 0."""
        super().__init__(input_size, hidden_size, options)
        n_z = options.embedding_size
        self.meta = LSTM(input_size + hidden_size, options.meta_size, options)
        self.W_z = nn.Parameter(torch.empty(n_z, options.meta_size))
        self.tasks = nn.ModuleList(Task(input_size, hidden_size, n_z) for _ in range(options.num_tasks))
        scaled_uniform_(self.W_z, options.meta_size)

    def forward(
        self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None, corpus: Tensor | None = None
    ) -> Tensor:
        """Outputs `[time, batch, hidden_size]`; arguments as in `run`, and `corpus [batch]`, each sentence's task."""
        if corpus is None:
            raise TypeError("metamtl needs the corpus of each sentence: module(inputs, lengths, corpus)")
        outputs = self.compiled(inputs, lengths, state_mask, corpus) if self.kernels == "auto" else None
        return self.eager(inputs, lengths, state_mask, corpus=corpus) if outputs is None else outputs

    def eager(
        self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None, corpus: Tensor | None = None
    ) -> Tensor:
        """`forward`, one step after the other: the reference of `compiled`.

        The sentences are laid out as a grid `[tasks, rows]`, so that one product a step serves all tasks, and no
        task's weights take part in another's sentences.
        """
        assert corpus is not None
        tasks, task = torch.unique(corpus, return_inverse=True)
        members = F.one_hot(task, len(tasks)).cumsum(0)  # [batch, tasks]: how many of a task so far
        rows = int(members[-1].max())
        place = task * rows + members.gather(1, task.unsqueeze(1)).squeeze(1) - 1
        place = place.to(inputs.device, non_blocking=True)

        def spread(batch: Tensor) -> Tensor:
            grid = batch.new_zeros(*batch.shape[:-2], len(tasks) * rows, batch.shape[-1])
            return grid.index_copy(-2, place, batch)

        grid = spread(inputs)
        mask = None if state_mask is None else spread(state_mask)
        outputs = loop(self.step, self.prepare_tasks(grid, tasks), self.start(grid), mask)
        return outputs.index_select(1, place)

    def compiled(self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None, corpus: Tensor) -> Tensor | None:
        """`forward` by the kernel of whole sequences; None where it has none."""
        return COMPILED(self, inputs, lengths, state_mask, corpus)

    def prepare_tasks(self, inputs: Tensor, tasks: Tensor) -> Iterable[Prepared]:
        """For each step: Q x `[tasks, rows, 4 * N_z]`, the Meta-LSTM's product with x, and the weights of the tasks."""
        time, n = len(inputs), self.input_size
        chosen = [cast(Task, self.tasks[number]) for number in tasks.tolist()]
        P = torch.stack([task.P for task in chosen], dim=1)
        B = torch.stack([task.B.mT for task in chosen], dim=1)
        Q = torch.stack([task.Q.flatten(0, 1).t() for task in chosen])  # [tasks, input + hidden, 4 * N_z]
        by_task = inputs.reshape(time, len(chosen), -1, n).transpose(0, 1)  # [tasks, time, rows, input]
        from_x = (by_task.flatten(1, 2) @ Q[:, :n]).view(len(chosen), time, -1, Q.shape[2])
        meta_from_x = F.linear(inputs, self.meta.W_x[:, :n], self.meta.b)
        weights = Weights(self.meta.W_x[:, n:].t(), Q[:, n:], P, B)
        return zip(from_x.unbind(1), meta_from_x.unbind(0), repeat(weights), strict=False)

    def start(self, inputs: Tensor) -> State:
        """h = c = h^ = c^ = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return (zeros, zeros, *self.meta.start(inputs))

    def step(self, prepared: Prepared, state: State) -> State:
        """(h, c, h^, c^) to (h', c', h^', c^')."""
        from_x, meta_from_x, weights = prepared
        h, c, *meta_state = state
        h_hat, c_hat = self.meta.step(torch.addmm(meta_from_x, h, weights.read_h), tuple(meta_state))
        tasks, rows, _ = from_x.shape
        z = F.linear(h_hat, self.W_z).view(tasks, rows, -1)  # z = W_z h^
        q = torch.baddbmm(from_x, h.view(tasks, rows, -1), weights.Q_h)  # Q [x; h]
        scaled = z * q.view(tasks, rows, 4, -1).movedim(2, 0)  # z * (Q [x; h]): [4, tasks, rows, N_z]
        gates = scaled @ weights.P + z @ weights.B  # P^T (z * (Q [x; h])) + B z: [4, tasks, rows, hidden]
        h, c = remember(gates.flatten(1, 2).unbind(0), c)
        return h, c, h_hat, c_hat


def kernel() -> ModuleType:
    """`metalstm.kernels.multitask`, imported when it is first used."""
    from metalstm.kernels import multitask

    return multitask


def _weights(cell: MetaMultiTask, tasks: list[int]) -> tuple[nn.Parameter, ...]:
    chosen = [cast(Task, cell.tasks[number]) for number in tasks]
    own = [weight for one in chosen for weight in (one.P, one.Q, one.B)]
    return cell.meta.W_x, cell.meta.W_h, cell.meta.b, cell.W_z, *own


COMPILED = CompiledKernel(kernel, weights=_weights)
KERNELS[MetaMultiTask] = (COMPILED,)
