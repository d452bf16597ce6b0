"""The kernels of `metalstm.kernels` in the place of a cell's own loop over steps.

The loop stays the reference, and serves where the kernels cannot: on other devices and number types, for options
without a kernel, for gradients of gradients, and where numba is missing or fails.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from metalstm.nn.cells.cell import KERNELS, Cell
from metalstm.nn.cells.directions import apart
from metalstm.nn.compiled import Array, array, kernels

if TYPE_CHECKING:
    from metalstm.kernels.products import Multiply

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
    kernel = kernel_of(cells)
    outputs = None if kernel is None else kernel.layer(cells, inputs, lengths, state_masks, corpus, learned)
    return apart(Cell.__call__, cells, inputs, lengths, state_masks, corpus) if outputs is None else outputs


def kernel_of(cells: Sequence[Cell]) -> "CompiledKernel | None":
    """What stands in for the loop of the cells of a layer, if they want that and have it."""
    if cells[0].kernels == "off":
        return None
    kernels_of_class = KERNELS.get(type(cells[0]), ())
    return next((kernel for kernel in kernels_of_class if isinstance(kernel, CompiledKernel)), None)


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
        """`read(...)` with these arguments, in one pass; None where there is no `call`."""
        call = self.call(cells, inputs, lengths, state_masks, corpus)
        if call is None:
            return None
        return cast(Callable[..., Tensor], _Compiled.apply)(call, learned, inputs, *call.weights)

    def call(
        self,
        cells: Sequence[Cell],
        like: Tensor,
        lengths: Tensor,
        state_masks: Sequence[Tensor | None],
        corpus: Tensor | None,
    ) -> "Call | None":
        """How the kernel is called for inputs such as `like`.

        None for options without a kernel, other devices than the CPU, floats of other types or of several, a state mask
        to be learnt, and for cells that take a corpus without one.
        """
        masks = [mask for mask in state_masks if mask is not None]
        if like.device.type != "cpu" or not all(map(self.serves, cells)) or any(mask.requires_grad for mask in masks):
            return None
        tasks, own = None, self.weights
        if cells[0].takes_corpus:
            if corpus is None:
                return None
            numbers, tasks = torch.unique(corpus, return_inverse=True)
            own = partial(own, tasks=numbers.tolist())
        by_cell = [own(cell) for cell in cells]
        weights = [*chain.from_iterable(by_cell)]
        others = [*weights, *masks, *(buffer for cell in cells for buffer in cell.buffers())]
        if not all(tensor.device == like.device and tensor.dtype == like.dtype for tensor in others):
            return None
        module = kernels(self.load, like)
        if module is None or kernels(_packing, like) is None:
            return None
        options = [self.options(cell) for cell in cells]
        arrays = [[*map(array, of_cell)] for of_cell in by_cell]
        return Call(module, cells, weights, arrays, options, lengths, state_masks, corpus, tasks)


@dataclass(frozen=True, slots=True)
class Call:
    """All that a kernel is called with but inputs; each list has one entry a direction, or as many of each."""

    module: ModuleType
    cells: Sequence[Cell]
    weights: Sequence[Tensor]
    """Those of one cell after those of the other."""
    arrays: Sequence[Sequence[Array]]
    """The numbers of each cell's."""
    options: Sequence[dict[str, Any]]
    lengths: Tensor
    state_masks: Sequence[Tensor | None]
    corpus: Tensor | None
    tasks: Tensor | None
    """The number `[batch]` of each sentence's corpus among those of the batch, for a cell that takes it."""

    def forward(self, x: Array, packing: "Packing") -> tuple[list[Array], list[Any]]:
        """h `[tokens, hidden]` of each direction for `x [tokens, input]`, and what `backward` has to know of it."""
        multiply = _multiplication()
        of_tasks = {} if self.tasks is None else {"tasks": self.tasks.numpy()[packing.order]}
        outputs, runs = [], []
        for direction, (mask, own) in enumerate(zip(self.state_masks, self.arrays, strict=True)):
            rows = np.ones((len(self.lengths), self.cells[direction].hidden_size), x.dtype)
            if mask is not None:
                rows = mask.detach().numpy()[packing.order]
            options = self.options[direction] | of_tasks
            h, run = self.module.forward(x, packing.counts, rows, multiply, *own, backwards=direction == 1, **options)
            outputs.append(h)
            runs.append(run)
        return outputs, runs

    def backward(self, d_outputs: Sequence[Array], runs: Sequence[Any], learned: slice) -> tuple[Array, list[Array]]:
        """The gradients of the columns `learned` of x, and of `weights`, from those of each direction's h."""
        multiply = _multiplication()
        found = [
            self.module.backward(d_h, run, multiply, *own, learned=learned)
            for d_h, run, own in zip(d_outputs, runs, self.arrays, strict=True)
        ]
        d_x: Array = found[0][0]
        for other, *_ in found[1:]:
            d_x += other
        return d_x, [d for _, *of_cell in found for d in of_cell]

    def columns(self) -> list[slice]:
        """Where each direction's units stand among the outputs of the layer."""
        hidden = self.cells[0].hidden_size
        return [slice(number * hidden, (number + 1) * hidden) for number in range(len(self.cells))]


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

    def pack(self, padded: Array, columns: slice = EVERY) -> Array:
        """`[tokens, size]` of these columns of `[batch, time, ...]`."""
        table = padded.reshape(-1, padded.shape[2])
        first, end, _ = columns.indices(table.shape[1])
        packed = np.empty((len(self.tokens), end - first), table.dtype)
        _packing().pack(table, self.tokens, first, packed)
        return packed

    def unpack(self, parts: Sequence[tuple[slice, Array]], shape: Sequence[int]) -> Array:
        """`[batch, time, size]`, each array at its columns, with zeros on padding and in all other columns."""
        batch, time, size = shape
        padded = np.zeros((batch * time, size), parts[0][1].dtype)
        for columns, packed in parts:
            _packing().unpack(packed, self.tokens, columns.indices(size)[0], padded)
        return padded.reshape(batch, time, size)


class _Compiled(torch.autograd.Function):
    """A layer over a whole batch, with the backward pass of its kernel."""

    @staticmethod
    def forward(ctx: Any, call: Call, learned: slice, inputs: Tensor, *weights: Tensor) -> Tensor:
        packing = Packing.of(call.lengths, inputs.shape[1])
        # a loop that is run again for a gradient of this gradient shall find the statistics that this one found
        ctx.buffers = [[buffer.clone() for buffer in cell.buffers()] for cell in call.cells]
        outputs, ctx.runs = call.forward(packing.pack(array(inputs)), packing)
        ctx.call, ctx.learned, ctx.packing = call, learned, packing
        ctx.save_for_backward(inputs, *weights)
        shape = (*inputs.shape[:2], call.cells[0].hidden_size * len(outputs))
        return torch.from_numpy(packing.unpack(list(zip(call.columns(), outputs, strict=True)), shape))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (d_outputs,) = gradients
        call, packing = ctx.call, ctx.packing
        inputs, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            with _restored(call.cells, ctx.buffers):
                return (None, None, *_differentiable(call, (inputs, *weights), d_outputs))
        learned = ctx.learned if ctx.needs_input_grad[2] else NONE
        packed = [packing.pack(array(d_outputs), columns) for columns in call.columns()]
        d_x, d_weights = call.backward(packed, ctx.runs, learned)
        d_inputs = torch.from_numpy(packing.unpack([(learned, d_x)], inputs.shape)) if ctx.needs_input_grad[2] else None
        return (None, None, d_inputs, *map(torch.from_numpy, d_weights))


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
