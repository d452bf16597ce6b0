"""The kernels of `metalstm.kernels` in the place of a cell's own loop over steps.

The loop stays the reference, and serves where the kernels cannot: on other devices and number types, for options
without a kernel, for gradients of gradients, and where numba is missing or fails.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from metalstm.nn.cells.cell import Cell, eager
from metalstm.nn.cells.lstm import LSTM

Array = np.ndarray[Any, Any]
NUMBERS = {torch.float32: np.dtype(np.float32), torch.float64: np.dtype(np.float64)}


@dataclass(frozen=True, slots=True)
class Kernel:
    """How the kernel of one class of cell is called."""

    module: str
    """In `metalstm.kernels`: `forward(x, counts, mask, *weights)` and `backward(d_h, trace, x, counts, mask, *weights)`."""
    weights: Callable[[Any], tuple[nn.Parameter, ...]]
    """The weights of a cell in the kernel's order, which is also that of their gradients, after that of x."""


KERNELS: dict[type[Cell], Kernel] = {
    LSTM: Kernel("lstm", lambda cell: (cell.W_x, cell.W_h, cell.b)),
}


def serves(cell: Cell, inputs: Tensor, state_mask: Tensor | None) -> bool:
    """Whether `run` can take the place of `eager`: a kernel for this cell, on a CPU, in one type of floats."""
    kernel = KERNELS.get(type(cell))
    tensors = [inputs, *cell.parameters(), *([] if state_mask is None else [state_mask])]
    return (
        kernel is not None
        and inputs.dtype in NUMBERS
        and all(tensor.device.type == "cpu" and tensor.dtype == inputs.dtype for tensor in tensors)
        and (state_mask is None or not state_mask.requires_grad)
        and _ready(kernel.module, NUMBERS[inputs.dtype])
    )


def run(cell: Cell, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None) -> Tensor:
    """`eager(cell, ...)` by the kernel of the cell's class; padding holds zeros."""
    kernel = KERNELS[type(cell)]
    return cast(Tensor, _Compiled.apply(kernel, cell, lengths, state_mask, inputs, *kernel.weights(cell)))


def _load(name: str) -> ModuleType:
    return import_module(f"metalstm.kernels.{name}")


@cache
def _ready(name: str, dtype: np.dtype[Any]) -> bool:
    """Whether the kernel can be used, after it was compiled; warns once if not."""
    try:
        _load(name).compile(dtype)
    except Exception as failure:  # whatever stops numba, the loop still gives the right result
        reason = " ".join(str(failure).split())[:200]
        message = f"no compiled kernel '{name}', slower loop instead: {type(failure).__name__}: {reason}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return False
    return True


@dataclass(frozen=True, slots=True)
class Packing:
    """Where the tokens of a ragged batch stand when it is sorted, longest first, and written without padding.

    Row r of the packed arrays is step `steps[r]` of sentence `sentences[r]`; step t has `counts[t]` rows.
    """

    counts: Array
    order: Array
    steps: Array
    sentences: Array

    @classmethod
    def of(cls, lengths: Tensor) -> "Packing":
        """For `lengths [batch]` in any order."""
        sizes = lengths.numpy(force=True)
        order = np.argsort(-sizes, kind="stable")
        longest = int(sizes.max(initial=0))
        steps, places = np.nonzero(np.arange(longest)[:, None] < sizes[order])
        return cls(np.bincount(steps), order, steps, order[places])

    def pack(self, padded: Tensor) -> Array:
        """`[tokens, size]` of `[time, batch, size]`."""
        return cast(Array, np.ascontiguousarray(padded.detach().numpy()[self.steps, self.sentences]))

    def unpack(self, packed: Array, like: Tensor) -> Tensor:
        """`[time, batch, size]` with zeros on padding; `like` has the same time and batch."""
        padded = np.zeros((*like.shape[:2], packed.shape[1]), packed.dtype)
        padded[self.steps, self.sentences] = packed
        return torch.from_numpy(padded)


class _Compiled(torch.autograd.Function):
    """A cell over a whole batch, with the backward pass of its kernel."""

    @staticmethod
    def forward(
        ctx: Any,
        kernel: Kernel,
        cell: Cell,
        lengths: Tensor,
        state_mask: Tensor | None,
        inputs: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        packing = Packing.of(lengths)
        x = packing.pack(inputs)
        mask = np.ones((len(lengths), cell.hidden_size), x.dtype)
        if state_mask is not None:
            mask = state_mask.detach().numpy()[packing.order]
        h, trace = _load(kernel.module).forward(x, packing.counts, mask, *_arrays(weights))
        ctx.kernel, ctx.cell, ctx.packing, ctx.kept = kernel, cell, packing, (trace, x, packing.counts, mask)
        ctx.save_for_backward(lengths, state_mask, inputs, *weights)
        return packing.unpack(h, inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (d_outputs,) = gradients
        lengths, state_mask, inputs, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None,) * 4 + _differentiable(ctx.cell, lengths, state_mask, (inputs, *weights), d_outputs)
        d_h = ctx.packing.pack(d_outputs)
        d_x, *d_weights = _load(ctx.kernel.module).backward(d_h, *ctx.kept, *_arrays(weights))
        return (None,) * 4 + (ctx.packing.unpack(d_x, inputs), *map(torch.from_numpy, d_weights))


def _arrays(weights: Iterable[Tensor]) -> Iterable[Array]:
    return (weight.detach().contiguous().numpy() for weight in weights)


def _differentiable(
    cell: Cell, lengths: Tensor, state_mask: Tensor | None, variables: tuple[Tensor, ...], d_outputs: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of inputs and weights with a graph of their own, for gradients of gradients: the loop, run again."""
    steps = torch.arange(len(d_outputs)).unsqueeze(1)
    d_outputs = d_outputs.masked_fill((steps >= lengths).unsqueeze(2), 0.0)
    wanted = [variable for variable in variables if variable.requires_grad]
    outputs = eager(cell, variables[0], lengths, state_mask)
    gradients = iter(torch.autograd.grad(outputs, wanted, d_outputs, create_graph=True))
    return tuple(next(gradients) if variable.requires_grad else None for variable in variables)
