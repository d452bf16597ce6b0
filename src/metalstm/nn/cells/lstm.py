"""The LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000): ours, and torch's own."""

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import KERNELS, Cell, State, eager, without_autocast
from metalstm.nn.cells.compiled import CompiledKernel
from metalstm.nn.cells.options import CellOptions
from metalstm.nn.cells.starts import forget_bias_, glorot_, orthogonal_


def remember(
    gates: Sequence[Tensor], c: Tensor, normalise: Callable[[Tensor], Tensor] | None = None, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """h' and c' `[batch, hidden]` from the pre-activations of i, f, g, o and from c, each `[batch, hidden]`.

    normalise: what c' passes through on its way to h'; c' itself stays as it is.
    dropout: share of the candidate set to zero (Semeniuta 2016).
    """
    i, f, g, o = gates
    candidate = torch.tanh(g)
    if dropout > 0.0:
        candidate = F.dropout(candidate, dropout)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * candidate  # c' = f * c + i * g
    return torch.sigmoid(o) * torch.tanh(c if normalise is None else normalise(c)), c  # h' = o * tanh(c')


class LSTM(Cell):
    """i, f, g, o = W_x x + W_h h + b; c' = sigma(f) * c + sigma(i) * tanh(g); h' = sigma(o) * tanh(c')."""

    def __init__(self, input_size: int, hidden_size: int, options: CellOptions) -> None:
        """Starts with W_h orthogonal for each gate and b = 0, but 1 for the forget gate."""
        super().__init__(input_size, hidden_size, options)
        self.W_x = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        glorot_(self.W_x, gates=4)
        orthogonal_(self.W_h, gates=4)
        forget_bias_(self.b)

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Tensor]:
        """W_x x + b `[batch, 4 * hidden]` for each step."""
        return F.linear(inputs, self.W_x, self.b).unbind(0)

    def start(self, inputs: Tensor) -> State:
        """h = c = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return zeros, zeros

    def step(self, from_x: Tensor, state: State) -> State:
        """(h, c) to (h', c')."""
        h, c = state
        gates = torch.addmm(from_x, h, self.W_h.t())  # i, f, g, o = W_x x + W_h h + b
        return remember(gates.chunk(4, dim=1), c)


def kernel() -> ModuleType:
    """`metalstm.kernels.lstm`, imported when it is first used."""
    from metalstm.kernels import lstm

    return lstm


def fused(cell: LSTM, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None) -> Tensor | None:
    """`eager` for `LSTM` by torch's own kernel: cuDNN on a GPU, oneDNN on a CPU; None if there is recurrent dropout.

    Every sentence is read from step 0, so the kernel may run on into padding: what follows a sentence is not used.
    """
    if state_mask is not None:
        return None
    weights = [cell.W_x, cell.W_h, cell.b, torch.zeros_like(cell.b)]  # torch has a second bias
    with without_autocast(inputs.device):  # to which cuDNN's LSTM is one of float16, whatever type was asked for
        inputs = inputs.to(cell.W_x.dtype)
        state = [zeros.unsqueeze(0) for zeros in cell.start(inputs)]
        return torch.lstm(inputs, state, weights, True, 1, 0.0, cell.training, False, False)[0]


KERNELS[LSTM] = (fused, CompiledKernel(kernel, weights=lambda cell: (cell.W_x, cell.W_h, cell.b)))


class TorchLSTM(Cell):
    """torch.nn.LSTM with torch's own start: the original study's BaseLSTM.

    The study packed its sequences. Reading on into padding gives the same outputs and gradients, since every sentence
    is read from step 0, and is three times faster on a CPU. torch.nn.LSTM knows no recurrent dropout: where that is
    asked for, training goes through our own loop.
    """

    def __init__(self, input_size: int, hidden_size: int, options: CellOptions) -> None:
        """Starts with every weight from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size))."""
        super().__init__(input_size, hidden_size, options)
        self.lstm = nn.LSTM(input_size, hidden_size)

    def forward(
        self, inputs: Tensor, lengths: Tensor, state_mask: Tensor | None = None, corpus: Tensor | None = None
    ) -> Tensor:
        """Outputs `[time, batch, hidden_size]`; arguments as in `run`."""
        if state_mask is not None:
            return eager(self, inputs, lengths, state_mask)
        with without_autocast(inputs.device):
            outputs: Tensor = self.lstm(inputs.to(self.lstm.all_weights[0][0].dtype))[0]
        return outputs

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Tensor]:
        """W_x x + b `[batch, 4 * hidden]` for each step; torch keeps b as a sum of two."""
        W_x, _, b_x, b_h = self.lstm.all_weights[0]
        return F.linear(inputs, W_x, b_x + b_h).unbind(0)

    def start(self, inputs: Tensor) -> State:
        """h = c = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return zeros, zeros

    def step(self, from_x: Tensor, state: State) -> State:
        """(h, c) to (h', c')."""
        h, c = state
        _, W_h, _, _ = self.lstm.all_weights[0]
        return remember(torch.addmm(from_x, h, W_h.t()).chunk(4, dim=1), c)
