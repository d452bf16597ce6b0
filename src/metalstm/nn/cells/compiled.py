"""The kernels of `metalstm.kernels` in the place of a cell's own loop over steps.

The loop stays the reference, and serves where the kernels cannot: on other devices and number types, for options
without a kernel, for gradients of gradients, and where numba is missing or fails.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from metalstm.nn.cells.cell import KERNELS, Cell
from metalstm.nn.cells.directions import apart
from metalstm.nn.compiled import kernels

if TYPE_CHECKING:
    from metalstm.kernels.products import Multiply

Array = np.ndarray[Any, Any]

EVERY, NONE = slice(None), slice(0, 0)
"""Features that need a gradient."""


def read(
    cells: Sequence[Cell],
    inputs: Tensor,
    lengths: Tensor,
    state_masks: Sequence[Tensor | None],
    corpus: Tensor | None,
    learned: slice = EVERY,
) -> Tensor:
    """Outputs of a layer, with the arguments of `apart`: by one compiled kernel, or cell by cell.

    learned: the features of `inputs` that need a gradient; the others may be given zeros instead.
    """
    for kernel in KERNELS.get(type(cells[0]), ()) if cells[0].kernels == "auto" else ():
        if isinstance(kernel, CompiledKernel):
            outputs = kernel.layer(cells, inputs, lengths, state_masks, corpus, learned)
            if outputs is not None:
                return outputs
    return apart(Cell.__call__, cells, inputs, lengths, state_masks, corpus)


@dataclass(frozen=True, slots=True)
class CompiledKernel:
    """How the compiled kernel of one class of cell is called."""

    load: Callable[[], ModuleType]
    """Imports its module, with `forward(x, counts, mask, multiply, *weights, backwards)`, which gives h and a run, and
    `backward(d_h, run, multiply, *weights, learned)`."""
    weights: Callable[..., tuple[nn.Parameter, ...]]
    """The weights of a cell in the kernel's order, which is also that of their gradients, after that of x. If the cell
    takes a corpus, those that the corpora of these numbers need."""
    options: Callable[[Any], dict[str, Any]] = lambda cell: {}
    """Further arguments of `forward`."""
    serves: Callable[[Any], bool] = lambda cell: True
    """Whether the kernel knows how to do what the cell's options say."""

    def __call__(
        self,
        cell: Cell,
        inputs: Tensor,
        lengths: Tensor,
        state_mask: Tensor | None,
        corpus: Tensor | None = None,
    ) -> Tensor | None:
        """`eager(cell, ...)`, with zeros on padding; None where `layer` has none."""
        outputs = self.layer([cell], inputs.transpose(0, 1), lengths, [state_mask], corpus)
        return None if outputs is None else outputs.transpose(0, 1)

    def layer(
        self,
        cells: Sequence[Cell],
        inputs: Tensor,
        lengths: Tensor,
        state_masks: Sequence[Tensor | None],
        corpus: Tensor | None,
        learned: slice = EVERY,
    ) -> Tensor | None:
        """`read(...)` with these arguments, in one pass.

        None for options without a kernel, other devices than the CPU, floats of other types or of several, a state mask
        to be learnt, and for cells that take a corpus without one.
        """
        masks = [mask for mask in state_masks if mask is not None]
        if inputs.device.type != "cpu" or not all(map(self.serves, cells)) or any(mask.requires_grad for mask in masks):
            return None
        tasks, own = None, self.weights
        if cells[0].takes_corpus:
            if corpus is None:
                return None
            numbers, tasks = torch.unique(corpus, return_inverse=True)
            own = partial(own, tasks=numbers.tolist())
        weights = [weight for cell in cells for weight in own(cell)]
        others = [*weights, *masks, *(buffer for cell in cells for buffer in cell.buffers())]
        if not all(tensor.device == inputs.device and tensor.dtype == inputs.dtype for tensor in others):
            return None
        module = kernels(self.load, inputs)
        if module is None or kernels(_packing, inputs) is None:
            return None
        call = Call(module, cells, [self.options(cell) for cell in cells], lengths, state_masks, corpus, tasks, learned)
        return cast(Callable[..., Tensor], _Compiled.apply)(call, inputs, *weights)


@dataclass(frozen=True, slots=True)
class Call:
    """All that a kernel is called with but inputs and weights; each list has one entry a direction."""

    module: ModuleType
    cells: Sequence[Cell]
    options: Sequence[dict[str, Any]]
    lengths: Tensor
    state_masks: Sequence[Tensor | None]
    corpus: Tensor | None
    tasks: Tensor | None
    """The number `[batch]` of each sentence's corpus among those of the batch, for a cell that takes it."""
    learned: slice
    """As in `read`."""


@dataclass(frozen=True, slots=True)
class Packing:
    """Where the tokens of a ragged batch stand when it is sorted, longest first, and written without padding.

    Row r of the packed arrays is row `tokens[r]` of the padded batch; step t has `counts[t]` rows.
    """

    counts: Array
    order: Array
    """The sentences, longest first."""
    tokens: Array

    @classmethod
    def of(cls, lengths: Tensor, time: int) -> "Packing":
        """For `lengths [batch]` in any order, in a batch `[batch, time, ...]`."""
        sizes = lengths.numpy()
        order = np.argsort(-sizes, kind="stable")
        counts, tokens = _packing().places(sizes, order, time)
        return cls(counts, order, tokens)

    def pack(self, padded: Tensor, columns: slice = EVERY) -> Array:
        """`[tokens, size]` of these columns of `[batch, time, ...]`."""
        table = padded.detach().contiguous().flatten(0, 1).numpy()
        first, end, _ = columns.indices(table.shape[1])
        packed = np.empty((len(self.tokens), end - first), table.dtype)
        _packing().pack(table, self.tokens, first, packed)
        return packed

    def unpack(self, parts: Sequence[tuple[slice, Array]], shape: Sequence[int]) -> Tensor:
        """`[batch, time, size]`, each array at its columns, with zeros on padding and in all other columns."""
        batch, time, size = shape
        padded = np.zeros((batch * time, size), parts[0][1].dtype)
        for columns, packed in parts:
            _packing().unpack(packed, self.tokens, columns.indices(size)[0], padded)
        return torch.from_numpy(padded).view(batch, time, size)


class _Compiled(torch.autograd.Function):
    """A layer over a whole batch, with the backward pass of its kernel."""

    @staticmethod
    def forward(ctx: Any, call: Call, inputs: Tensor, *weights: Tensor) -> Tensor:
        packing, multiply = Packing.of(call.lengths, inputs.shape[1]), _multiplication()
        x = packing.pack(inputs)
        of_tasks = {} if call.tasks is None else {"tasks": call.tasks.numpy()[packing.order]}
        # a loop that is run again for a gradient of this gradient shall find the statistics that this one found
        ctx.buffers = [[buffer.clone() for buffer in cell.buffers()] for cell in call.cells]
        outputs, ctx.runs = [], []
        for direction, (cell, mask, own) in enumerate(
            zip(call.cells, call.state_masks, _shared(weights, call.cells), strict=True)
        ):
            rows = np.ones((len(call.lengths), cell.hidden_size), x.dtype)
            if mask is not None:
                rows = mask.detach().numpy()[packing.order]
            options = call.options[direction] | of_tasks
            h, run = call.module.forward(
                x, packing.counts, rows, multiply, *map(_array, own), backwards=direction == 1, **options
            )
            outputs.append(h)
            ctx.runs.append(run)
        ctx.call, ctx.packing = call, packing
        ctx.save_for_backward(inputs, *weights)
        hidden = call.cells[0].hidden_size
        shape = (*inputs.shape[:2], hidden * len(outputs))
        return packing.unpack(list(zip(_columns(call.cells), outputs, strict=True)), shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (d_outputs,) = gradients
        call, packing, multiply = ctx.call, ctx.packing, _multiplication()
        inputs, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            with _restored(call.cells, ctx.buffers):
                return (None, *_differentiable(call, (inputs, *weights), d_outputs))
        learned = call.learned if ctx.needs_input_grad[1] else NONE
        found = [
            call.module.backward(packing.pack(d_outputs, columns), run, multiply, *map(_array, own), learned=learned)
            for columns, run, own in zip(_columns(call.cells), ctx.runs, _shared(weights, call.cells), strict=True)
        ]
        d_x = found[0][0]
        for other, *_ in found[1:]:
            d_x += other
        d_weights = (torch.from_numpy(d) for _, *of_cell in found for d in of_cell)
        d_inputs = packing.unpack([(learned, d_x)], inputs.shape) if ctx.needs_input_grad[1] else None
        return (None, d_inputs, *d_weights)


def _columns(cells: Sequence[Cell]) -> list[slice]:
    """Where each direction's units stand among the outputs of a layer."""
    hidden = cells[0].hidden_size
    return [slice(number * hidden, (number + 1) * hidden) for number in range(len(cells))]


def _shared(weights: Sequence[Tensor], cells: Sequence[Cell]) -> list[Sequence[Tensor]]:
    """Each cell's own among the weights of all."""
    share = len(weights) // len(cells)
    return [weights[first : first + share] for first in range(0, len(weights), share)]


def _array(weight: Tensor) -> Array:
    return weight.detach().contiguous().numpy()


def _packing() -> ModuleType:
    from metalstm.kernels import packing

    return packing


def _multiplication() -> "Multiply":
    """The fastest way to large products: with the widest registers the kernels' own, otherwise that of numpy."""
    from metalstm.kernels import products, tiles

    return products.by_tiles if tiles.WIDEST >= 256 else products.by_numpy


@contextmanager
def _restored(cells: Sequence[Cell], buffers: Sequence[Sequence[Tensor]]) -> Iterator[None]:
    """The cells with these buffers instead of their own, for a while."""
    pairs = [
        pair for cell, values in zip(cells, buffers, strict=True) for pair in zip(cell.buffers(), values, strict=True)
    ]
    own = [buffer.clone() for buffer, _ in pairs]
    with torch.no_grad():
        for buffer, value in pairs:
            buffer.copy_(value)
    try:
        yield
    finally:
        with torch.no_grad():
            for (buffer, _), value in zip(pairs, own, strict=True):
                buffer.copy_(value)


def _differentiable(call: Call, variables: tuple[Tensor, ...], d_outputs: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of inputs and weights with a graph of their own: the loop, run again."""
    wanted = [variable for variable in variables if variable.requires_grad]
    outputs = apart(type(call.cells[0]).eager, call.cells, variables[0], call.lengths, call.state_masks, call.corpus)
    gradients = iter(torch.autograd.grad(outputs, wanted, d_outputs, create_graph=True))
    return tuple(next(gradients) if variable.requires_grad else None for variable in variables)
