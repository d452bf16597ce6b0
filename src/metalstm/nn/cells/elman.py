"""Elman's recurrent network (Elman 1990, 'Finding Structure in Time')."""

from collections.abc import Iterable
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import KERNELS, Cell, State
from metalstm.nn.cells.compiled import CompiledKernel
from metalstm.nn.cells.options import RNNOptions
from metalstm.nn.cells.starts import glorot_, orthogonal_


class RNN(Cell):
    """h' = phi(W_x x + W_h h + b), with phi = tanh, or ReLU started from the identity (Le 2015, IRNN)."""

    def __init__(self, input_size: int, hidden_size: int, options: RNNOptions) -> None:
        """Starts with W_h orthogonal for tanh, the identity for ReLU, and b = 0."""
        super().__init__(input_size, hidden_size, options)
        self.phi = {"tanh": torch.tanh, "relu": torch.relu}[options.activation]
        self.W_x = nn.Parameter(torch.empty(hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.zeros(hidden_size))
        glorot_(self.W_x, gates=1)
        if options.activation == "relu":
            nn.init.eye_(self.W_h)
        else:
            orthogonal_(self.W_h, gates=1)

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Tensor]:
        """W_x x + b `[batch, hidden]` for each step."""
        return F.linear(inputs, self.W_x, self.b).unbind(0)

    def step(self, from_x: Tensor, state: State) -> State:
        """(h) to (h')."""
        (h,) = state
        return (self.phi(torch.addmm(from_x, h, self.W_h.t())),)  # h' = phi(W_x x + W_h h + b)


def kernel() -> ModuleType:
    """`metalstm.kernels.elman`, imported when it is first used."""
    from metalstm.kernels import elman

    return elman


KERNELS[RNN] = (
    CompiledKernel(
        kernel,
        weights=lambda cell: (cell.W_x, cell.W_h, cell.b),
        options=lambda cell: {"relu": cell.phi is torch.relu},
    ),
)
