"""The kernels of `metalstm.kernels` in the place of a cell's own loop over steps.

The loop stays the reference, and serves where the kernels cannot: on other devices and number types, for options
without a kernel, for gradients of gradients, and where numba is missing or fails.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from metalstm.nn.cells.cell import Cell, eager
from metalstm.nn.cells.elman import RNN
from metalstm.nn.cells.hyper import HyperCell, MetaLNLSTM, MetaLSTM, MetaRNN
from metalstm.nn.cells.lstm import LSTM
from metalstm.nn.cells.normalised import GateNorm, LayerNormLSTM
from metalstm.nn.compiled import NUMBERS, kernels

Array = np.ndarray[Any, Any]

ROWS = 32
"""oneDNN generates code for each new shape, for a millisecond: packed batches of similar size should look the same."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """How the kernel of one class of cell is called."""

    module: str
    """In `metalstm.kernels`, with `forward(x, counts, mask, multiply, *weights)`, which gives h and a run, and
    `backward(d_h, run, multiply, *weights)`."""
    weights: Callable[[Any], tuple[nn.Parameter, ...]]
    """The weights of a cell in the kernel's order, which is also that of their gradients, after that of x."""
    options: Callable[[Any], dict[str, Any]] = lambda cell: {}
    """Further arguments of `forward`."""
    serves: Callable[[Any], bool] = lambda cell: True
    """Whether the kernel knows how to do what the cell's options say."""


def _norm(norm: GateNorm) -> tuple[nn.Parameter, ...]:
    return norm.gain, norm.bias, norm.memory.weight, norm.memory.bias


def _hyper(cell: HyperCell, rest: Iterable[nn.Parameter]) -> tuple[nn.Parameter, ...]:
    return cell.W_x, cell.W_h, cell.b_0, cell.A, cell.a, cell.D, cell.hyper.W_x, cell.hyper.W_h, *rest


def _no_dropout(cell: MetaLSTM) -> bool:
    return not cell.training or cell.dropout_candidate == 0.0


KERNELS: dict[type[Cell], Kernel] = {
    LSTM: Kernel("lstm", lambda cell: (cell.W_x, cell.W_h, cell.b)),
    LayerNormLSTM: Kernel("normalised", lambda cell: (cell.W_x, cell.W_h, *_norm(cell.norm))),
    MetaRNN: Kernel("hyper", lambda cell: _hyper(cell, [cell.hyper.b])),
    MetaLSTM: Kernel("hyper", lambda cell: _hyper(cell, [cell.hyper.b]), serves=_no_dropout),
    MetaLNLSTM: Kernel(
        "hyper", lambda cell: _hyper(cell, [*_norm(cell.norm), *_norm(cell.hyper.norm)]), serves=_no_dropout
    ),
    RNN: Kernel("elman", lambda cell: (cell.W_x, cell.W_h, cell.b), lambda cell: {"relu": cell.phi is torch.relu}),
}


def serves(cell: Cell, inputs: Tensor, state_mask: Tensor | None) -> bool:
    """Whether `run` can take the place of `eager`: a kernel for this cell, on a CPU, in one type of floats."""
    kernel = KERNELS.get(type(cell))
    if kernel is None or not kernel.serves(cell) or (state_mask is not None and state_mask.requires_grad):
        return False
    others = [*kernel.weights(cell), *([] if state_mask is None else [state_mask])]
    alike = all(tensor.device == inputs.device and tensor.dtype == inputs.dtype for tensor in others)
    return alike and kernels(kernel.module, inputs) is not None


def run(cell: Cell, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None) -> Tensor:
    """`eager(cell, ...)` by the kernel of the cell's class; padding holds zeros."""
    kernel = KERNELS[type(cell)]
    apply = cast(Callable[..., Tensor], _Compiled.apply)
    return apply(kernel, cell, lengths, state_mask, inputs, *kernel.weights(cell))


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
        module = cast(Any, kernels(kernel.module, inputs))
        h, ctx.run = module.forward(x, packing.counts, mask, _multiply, *map(_array, weights), **kernel.options(cell))
        ctx.module, ctx.cell, ctx.packing = module, cell, packing
        ctx.save_for_backward(lengths, state_mask, inputs, *weights)
        return packing.unpack(h, inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (d_outputs,) = gradients
        lengths, state_mask, inputs, *weights = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None,) * 4 + _differentiable(ctx.cell, lengths, state_mask, (inputs, *weights), d_outputs)
        d_h = ctx.packing.pack(d_outputs)
        d_x, *d_weights = ctx.module.backward(d_h, ctx.run, _multiply, *map(_array, weights))
        return (None,) * 4 + (ctx.packing.unpack(d_x, inputs), *map(torch.from_numpy, d_weights))


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


def _differentiable(
    cell: Cell, lengths: Tensor, state_mask: Tensor | None, variables: tuple[Tensor, ...], d_outputs: Tensor
) -> tuple[Tensor | None, ...]:
    """The gradients of inputs and weights with a graph of their own: the loop, run again."""
    steps = torch.arange(len(d_outputs)).unsqueeze(1)
    d_outputs = d_outputs.masked_fill((steps >= lengths).unsqueeze(2), 0.0)
    wanted = [variable for variable in variables if variable.requires_grad]
    outputs = eager(cell, variables[0], lengths, state_mask)
    gradients = iter(torch.autograd.grad(outputs, wanted, d_outputs, create_graph=True))
    return tuple(next(gradients) if variable.requires_grad else None for variable in variables)
