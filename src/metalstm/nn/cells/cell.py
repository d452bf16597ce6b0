"""What a cell is: one layer in one direction, described by what it does in a step of time.

All cells write their equations with row vectors: `h @ W.t()` for the papers' W h. The order of gates is everywhere
input i, forget f, candidate g, output o, and stacked weights hold the gates in that order.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from metalstm.nn.cells.options import CellOptions

State = tuple[Tensor, ...]
"""What one step hands to the next; the first tensor is h `[batch, hidden_size]`, the cell's output."""

Kernel = Callable[[Any, Tensor, Tensor, Tensor | None], Tensor | None]
"""Whole sequences in one call, with the arguments and the result of `eager`; None where the kernel cannot serve."""


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """For what needs more digits than mixed precision has; its inputs come in fewer, and are converted by it."""
    return torch.autocast(device.type, enabled=False) if torch.is_autocast_enabled(device.type) else nullcontext()


class Cell(nn.Module):
    """Base of all cells: a new one defines `prepare` and `step`, and `start` if it remembers more than h."""

    takes_corpus: ClassVar[bool] = False

    def __init__(self, input_size: int, hidden_size: int, options: CellOptions) -> None:
        """`options` are those that the registry names for the cell."""
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.kernels = options.kernels

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Any]:
        """All that needs no state, for the whole sequence at once: products of `inputs [time, batch, input_size]`.

        Returns what `step` reads, step after step.
        """
        raise NotImplementedError

    def start(self, inputs: Tensor) -> State:
        """The state before the first step: zeros h `[batch, hidden_size]`."""
        return (inputs.new_zeros(inputs.shape[1], self.hidden_size),)

    def step(self, prepared: Any, state: State) -> State:
        """The state after one step."""
        raise NotImplementedError

    def forward(
        self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None, corpus: Tensor | None = None
    ) -> Tensor:
        """Outputs `[time, batch, hidden_size]`; arguments as in `run`, corpus `[batch]` for a cell that takes it."""
        return run(self, inputs, lengths, state_mask)

    def eager(
        self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None, corpus: Tensor | None = None
    ) -> Tensor:
        """`forward` without any kernel."""
        return eager(self, inputs, lengths, state_mask)


KERNELS: dict[type[Cell], tuple[Kernel, ...]] = {}
"""What stands in for the loop over steps, the first that serves; the module of a class of cells enters its kernels.

A subclass has none but its own, since its steps may be others.
"""


def run(cell: Cell, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None) -> Tensor:
    """Outputs `[time, batch, hidden_size]` of a cell that reads every sentence from step 0.

    inputs: `[time, batch, input_size]`, finite on padding too.
    lengths: `[batch]`; what stands in the result at and after a sentence's length means nothing.
    state_mask: `[batch, hidden_size]`, multiplied with the h that each step reads (recurrent dropout), or None.
    """
    for kernel in KERNELS.get(type(cell), ()) if cell.kernels == "auto" else ():
        outputs = kernel(cell, inputs, lengths, state_mask)
        if outputs is not None:
            return outputs
    return eager(cell, inputs, lengths, state_mask)


def eager(cell: Cell, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None) -> Tensor:
    """`run`, one step after the other: the reference of every kernel."""
    return loop(cell.step, cell.prepare(inputs, lengths), cell.start(inputs), state_mask)


def loop(
    step: Callable[[Any, State], State], prepared: Iterable[Any], state: State, state_mask: Tensor | None = None
) -> Tensor:
    """The h `[time, batch, hidden_size]` of all steps."""
    outputs = []
    for now in prepared:
        if state_mask is not None:
            state = (state[0] * state_mask, *state[1:])
        state = step(now, state)
        outputs.append(state[0])
    return torch.stack(outputs)
