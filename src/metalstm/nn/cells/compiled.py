"""The kernels of `metalstm.kernels` in the place of a cell's own loop over steps.

The loop stays the reference, and serves where the kernels cannot: on other devices and number types, for options
without a kernel, for gradients of gradients, and where numba is missing or fails.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from metalstm.nn.cells.cell import Cell, eager
from metalstm.nn.compiled import NUMBERS, kernels

Array = np.ndarray[Any, Any]
Reference = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From inputs, lengths and state mask to outputs, one step after the other: see `run` of `cell.py`."""

ROWS = 32
"""oneDNN generates code for each new shape, for a millisecond: packed batches of similar size should look the same."""


@dataclass(frozen=True, slots=True)
class CompiledKernel:
    """How the compiled kernel of one class of cell is called."""

    load: Callable[[], ModuleType]
    """Imports its module, with `forward(x, counts, mask, multiply, *weights)`, which gives h and a run, and
    `backward(d_h, run, multiply, *weights)`."""
    weights: Callable[[Any], tuple[nn.Parameter, ...]]
    """The weights of a cell in the kernel's order, which is also that of their gradients, after that of x."""
    options: Callable[[Any], dict[str, Any]] = lambda cell: {}
    """Further arguments of `forward`."""
    serves: Callable[[Any], bool] = lambda cell: True
    """Whether the kernel knows how to do what the cell's options say."""

    def __call__(self, cell: Cell, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None) -> Tensor | None:
        """`eager(cell, ...)`, with zeros on padding; None where `whole` has none, and for options without a kernel."""
        if not self.serves(cell):
            return None
        weights, options = self.weights(cell), self.options(cell)
        return whole(self.load, cell, partial(eager, cell), inputs, lengths, state_mask, weights, options)


def whole(
    load: Callable[[], ModuleType],
    cell: Cell,
    reference: Reference,
    inputs: Tensor,
    lengths: Tensor,
    state_mask: Tensor | None,
    weights: Sequence[Tensor],
    options: dict[str, Any],
    tasks: Tensor | None = None,
) -> Tensor | None:
    """Outputs `[time, batch, hidden_size]` of a cell over a whole batch by the kernel that `load` imports.

    load, weights, options: see `CompiledKernel`. tasks: the task `[batch]` of each sentence, if the kernel
    wants it. reference: says the same as the kernel, with a graph of its own.

    None for other devices than the CPU, floats of other types or of several, and a state mask to be learnt.
    """
    if state_mask is not None and state_mask.requires_grad:
        return None
    others = [*weights, *cell.buffers(), *([] if state_mask is None else [state_mask])]
    if not all(tensor.device == inputs.device and tensor.dtype == inputs.dtype for tensor in others):
        return None
    module = kernels(load, inputs)
    if module is None:
        return None
    apply = cast(Callable[..., Tensor], _Compiled.apply)
    return apply(module, options, cell, reference, lengths, state_mask, tasks, inputs, *weights)


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
        steps, places = np.nonzero(np.arange(sizes.max(initial=0))[:, None] < sizes[order])
        return cls(np.bincount(steps), order, steps, order[places])

    def pack(self, padded: Tensor) -> Array:
        """`[tokens, size]` of `[time, batch, size]`, and zero rows up to a multiple of `ROWS`."""
        tokens = len(self.steps)
        packed = np.zeros((-(-tokens // ROWS) * ROWS, padded.shape[2]), NUMBERS[padded.dtype])
        packed[:tokens] = padded.detach().numpy()[self.steps, self.sentences]
        return packed

    def unpack(self, packed: Array, like: Tensor) -> Tensor:
        """`[time, batch, size]` with zeros on padding; `like` has the same time and batch."""
        padded = np.zeros((*like.shape[:2], packed.shape[1]), packed.dtype)
        padded[self.steps, self.sentences] = packed[: len(self.steps)]
        return torch.from_numpy(padded)


_NOTHING = (None,) * 7
"""The gradients of the arguments of `_Compiled` before inputs."""


class _Compiled(torch.autograd.Function):
    """A cell over a whole batch, with the backward pass of its kernel."""

    @staticmethod
    def forward(
        ctx: Any,
        module: ModuleType,
        options: dict[str, Any],
        cell: Cell,
        reference: Reference,
        lengths: Tensor,
        state_mask: Tensor | None,
        tasks: Tensor | None,
        inputs: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        packing = Packing.of(lengths)
        x = packing.pack(inputs)
        mask = np.ones((len(lengths), cell.hidden_size), x.dtype)
        if state_mask is not None:
            mask = state_mask.detach().numpy()[packing.order]
        if tasks is not None:
            options = {**options, "tasks": tasks.numpy()[packing.order]}
        # a loop that is run again for a gradient of this gradient shall find the statistics that this one found
        ctx.buffers = [buffer.clone() for buffer in cell.buffers()]
        h, ctx.run = module.forward(x, packing.counts, mask, _multiply, *map(_array, weights), **options)
        ctx.module, ctx.cell, ctx.reference, ctx.packing = module, cell, reference, packing
        ctx.save_for_backward(lengths, state_mask, inputs, *weights)
        return packing.unpack(h, inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (d_outputs,) = gradients
        lengths, state_mask, inputs, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            with _restored(ctx.cell, ctx.buffers):
                return _NOTHING + _differentiable(ctx.reference, lengths, state_mask, (inputs, *weights), d_outputs)
        d_h = ctx.packing.pack(d_outputs)
        d_x, *d_weights = ctx.module.backward(d_h, ctx.run, _multiply, *map(_array, weights))
        return (*_NOTHING, ctx.packing.unpack(d_x, inputs), *map(torch.from_numpy, d_weights))


def _array(weight: Tensor) -> Array:
    return weight.detach().contiguous().numpy()


def _multiply(a: Array, b: Array) -> Array:
    """a b^T, in float32 by oneDNN: on some processors twice as fast as what numpy and torch take by themselves.

    oneDNN wants arrays without gaps between the rows: a thousand times slower otherwise.
    """
    if a.dtype != np.float32 or not torch._C._has_mkldnn:
        return cast(Array, a @ b.T)
    left, right = torch.from_numpy(_dense(a)), torch.from_numpy(_dense(b))
    return cast(Array, torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "").numpy())


def _dense(a: Array) -> Array:
    return a if a.T.flags.c_contiguous else np.ascontiguousarray(a)


@contextmanager
def _restored(cell: Cell, buffers: list[Tensor]) -> Iterator[None]:
    """The cell with these buffers instead of its own, for a while."""
    own = [buffer.clone() for buffer in cell.buffers()]
    with torch.no_grad():
        for buffer, value in zip(cell.buffers(), buffers, strict=True):
            buffer.copy_(value)
    yield
    with torch.no_grad():
        for buffer, value in zip(cell.buffers(), own, strict=True):
            buffer.copy_(value)


def _differentiable(
    reference: Reference, lengths: Tensor, state_mask: Tensor | None, variables: tuple[Tensor, ...], d_outputs: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of inputs and weights with a graph of their own: the loop, run again."""
    steps = torch.arange(len(d_outputs)).unsqueeze(1)
    d_outputs = d_outputs.masked_fill((steps >= lengths).unsqueeze(2), 0.0)
    wanted = [variable for variable in variables if variable.requires_grad]
    outputs = reference(variables[0], lengths, state_mask)
    gradients = iter(torch.autograd.grad(outputs, wanted, d_outputs, create_graph=True))
    return tuple(next(gradients) if variable.requires_grad else None for variable in variables)
