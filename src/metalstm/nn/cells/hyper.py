"""Hypernetwork cells (Ha, Dai and Le 2016, 'HyperNetworks'), which the original study calls MetaRNN and MetaLSTM.

A small recurrent network reads [x; h] and gives h^. At every step h^ rescales the rows of the large network's weights:

    z_x = A_x h^ + a_x        d_x = D_x z_x
    z_h = A_h h^ + a_h        d_h = D_h z_h
    z_b = A_b h^              b   = D_b z_b + b_0
    y   = d_x * (W_x x) + d_h * (W_h h) + b         the pre-activation y of a gate

Each gate has its own D, b_0 and W, and its own z (`z="per_gate"`, the paper) or shares one z (`z="shared"`, the study).
The paper prints h^ of the step before in the equations of z; its authors' code, and this, read the new h^.
"""

from collections.abc import Iterable
from itertools import repeat
from types import ModuleType
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import KERNELS, Cell, State
from metalstm.nn.cells.compiled import CompiledKernel
from metalstm.nn.cells.elman import RNN
from metalstm.nn.cells.lstm import LSTM, remember
from metalstm.nn.cells.normalised import GateNorm, LayerNormLSTM, by_gate
from metalstm.nn.cells.options import HyperLSTMOptions, HyperOptions, RNNOptions
from metalstm.nn.cells.starts import FORGET, glorot_, orthogonal_, uniform_

Prepared = tuple[Tensor, Tensor, Tensor]


class HyperCell(Cell):
    """What the hypernetwork cells have in common: the small network, and how it scales the large one."""

    def __init__(
        self, hyper: RNN | LSTM | LayerNormLSTM, input_size: int, hidden_size: int, gates: int, options: HyperOptions
    ) -> None:
        """`hyper` reads [x; h]. Starts as the paper does: A = 0, a = 1 and D = 0.1 / N_z, so d = 0.1; D_b = 0."""
        super().__init__(input_size, hidden_size, options)
        n_z = options.embedding_size
        embeddings = gates if options.z == "per_gate" else 1
        self.gates = gates
        self.hyper = hyper
        self.W_x = nn.Parameter(torch.empty(gates * hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(gates * hidden_size, hidden_size))
        self.b_0 = nn.Parameter(torch.zeros(gates, 1, hidden_size))
        # first dimension of A and D: x, h, b; of a: x, h
        self.A = nn.Parameter(torch.zeros(3, embeddings, n_z, hyper.hidden_size))
        self.a = nn.Parameter(torch.ones(2, embeddings, n_z))
        self.D = nn.Parameter(torch.zeros(3, gates, hidden_size, n_z))
        glorot_(self.W_x, gates)
        orthogonal_(self.W_h, gates)
        with torch.no_grad():
            self.A[2].normal_(std=0.01)
            self.D[:2].fill_(0.1 / n_z)

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Prepared]:
        """For each step: W_x x `[gates, batch, hidden]`, the small network's product with x, its weights for h."""
        from_x = by_gate(F.linear(inputs, self.W_x), self.gates).contiguous()
        read_x, read_h = self.hyper.W_x[:, : self.input_size], self.hyper.W_x[:, self.input_size :]
        hyper_from_x = F.linear(inputs, read_x, self.hyper.b)
        return zip(from_x.unbind(0), hyper_from_x.unbind(0), repeat(read_h.t()), strict=False)

    def scales(self, h_hat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """d_x, d_h and b `[gates, batch, hidden]` from h^ `[batch, hyper]`."""
        a = F.pad(self.a, (0, 0, 0, 0, 0, 1))  # z_b has none
        z = F.linear(h_hat, self.A.flatten(0, 2), a.flatten())  # z = A h^ + a
        z = z.view(-1, *a.shape).movedim(0, 2)  # [3, 1 or gates, batch, N_z]
        d_x, d_h, b = (z @ self.D.mT).unbind(0)  # D z
        return d_x, d_h, b + self.b_0

    def rescaled(self, prepared: Prepared, h: Tensor, hyper_state: State) -> tuple[Tensor, State]:
        """The pre-activations `[gates, batch, hidden]`, and the small network's next state."""
        from_x, hyper_from_x, read_h = prepared
        hyper_state = self.hyper.step(torch.addmm(hyper_from_x, h, read_h), hyper_state)  # h^ from [x; h]
        d_x, d_h, b = self.scales(hyper_state[0])
        from_h = by_gate(h @ self.W_h.t(), self.gates)
        return d_x * from_x + d_h * from_h + b, hyper_state

    def start_as_the_study(self) -> None:
        """Every weight from U(-1/sqrt(H), 1/sqrt(H)); d then deviates from 0 by about sqrt(N_z) / 3H or more."""
        uniform_((weight for name, weight in self.named_parameters() if "norm" not in name), self.hidden_size)


class MetaRNN(HyperCell):
    """h' = tanh(d_x * (W_x x) + d_h * (W_h h) + b), scaled by a small tanh network."""

    def __init__(self, input_size: int, hidden_size: int, options: HyperOptions) -> None:
        """Starts as `HyperCell` says, or as the study did."""
        hyper = RNN(input_size + hidden_size, options.hyper_size, RNNOptions())
        super().__init__(hyper, input_size, hidden_size, gates=1, options=options)
        if options.start == "study":
            self.start_as_the_study()

    def start(self, inputs: Tensor) -> State:
        """h = h^ = 0."""
        return (*super().start(inputs), *self.hyper.start(inputs))

    def step(self, prepared: Prepared, state: State) -> State:
        """(h, h^) to (h', h^')."""
        h, *hyper_state = state
        y, hyper_state_ = self.rescaled(prepared, h, tuple(hyper_state))
        return torch.tanh(y[0]), *hyper_state_


class MetaLSTM(HyperCell):
    """An LSTM whose four gates are scaled by a small LSTM; no layer norm, as in the study.

    y as above for y in i, f, g, o; c' = sigma(f) * c + sigma(i) * tanh(g); h' = sigma(o) * tanh(c').
    """

    layer_norm: ClassVar[bool] = False

    def __init__(self, input_size: int, hidden_size: int, options: HyperLSTMOptions) -> None:
        """Starts as `HyperCell` says, with forget bias 1; or as the study did."""
        small = LayerNormLSTM if self.layer_norm else LSTM
        hyper = small(input_size + hidden_size, options.hyper_size, options)
        super().__init__(hyper, input_size, hidden_size, gates=4, options=options)
        self.dropout_candidate = options.dropout_candidate
        self.norm = GateNorm(hidden_size) if self.layer_norm else None
        if self.norm is None:
            self.b_0.data[FORGET] = 1.0
        if options.start == "study":
            self.start_as_the_study()

    def start(self, inputs: Tensor) -> State:
        """h = c = h^ = c^ = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return (zeros, zeros, *self.hyper.start(inputs))

    def step(self, prepared: Prepared, state: State) -> State:
        """(h, c, h^, c^) to (h', c', h^', c^')."""
        h, c, *hyper_state = state
        gates, hyper_state_ = self.rescaled(prepared, h, tuple(hyper_state))
        dropout = self.dropout_candidate if self.training else 0.0
        if self.norm is None:
            h, c = remember(gates.unbind(0), c, dropout=dropout)
        else:
            h, c = remember(self.norm(gates).unbind(0), c, normalise=self.norm.memory, dropout=dropout)
        return h, c, *hyper_state_


class MetaLNLSTM(MetaLSTM):
    """`MetaLSTM` with the paper's layer norm, in the small network too.

    y = LN(d_x * (W_x x) + d_h * (W_h h) + b) for each gate, and h' = sigma(o) * tanh(LN(c')); the norm's bias, not
    b_0, starts at 1 for the forget gate.
    """

    layer_norm = True


def kernel() -> ModuleType:
    """`metalstm.kernels.hyper`, imported when it is first used."""
    from metalstm.kernels import hyper

    return hyper


def _weights(cell: HyperCell, *rest: nn.Parameter) -> tuple[nn.Parameter, ...]:
    return cell.W_x, cell.W_h, cell.b_0, cell.A, cell.a, cell.D, cell.hyper.W_x, cell.hyper.W_h, *rest


def _keeps_candidate(cell: MetaLSTM) -> bool:
    return not cell.training or cell.dropout_candidate == 0.0


KERNELS[MetaRNN] = (CompiledKernel(kernel, weights=lambda cell: _weights(cell, cell.hyper.b)),)
KERNELS[MetaLSTM] = (
    CompiledKernel(kernel, weights=lambda cell: _weights(cell, cell.hyper.b), serves=_keeps_candidate),
)
KERNELS[MetaLNLSTM] = (
    CompiledKernel(
        kernel,
        weights=lambda cell: _weights(cell, *cell.norm.weights(), *cell.hyper.norm.weights()),
        serves=_keeps_candidate,
    ),
)
