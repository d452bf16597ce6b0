"""LSTMs whose pre-activations are normalised: over the units of a gate, or over the sentences of a batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from metalstm.nn.cells.cell import KERNELS, Cell, State, without_autocast
from metalstm.nn.cells.compiled import CompiledKernel
from metalstm.nn.cells.lstm import remember
from metalstm.nn.cells.options import BatchNormOptions, CellOptions
from metalstm.nn.cells.starts import forget_bias_, glorot_, orthogonal_


def by_gate(stacked: Tensor, gates: int) -> Tensor:
    """`[..., batch, gates * hidden]` as `[..., gates, batch, hidden]`."""
    return stacked.view(*stacked.shape[:-1], gates, -1).transpose(-3, -2)


class GateNorm(nn.Module):
    """Layer norm over the units of each gate, and over those of c' on its way to h'; gain and bias for each unit."""

    def __init__(self, hidden_size: int) -> None:
        """Starts with gains 1 and biases 0, but 1 for the forget gate: a bias before the norm would mostly vanish."""
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4, 1, hidden_size))
        self.bias = nn.Parameter(torch.empty(4, 1, hidden_size))
        self.memory = nn.LayerNorm(hidden_size)
        forget_bias_(self.bias)

    def weights(self) -> tuple[nn.Parameter, ...]:
        """Gain and bias of the gates, then of c'."""
        return self.gain, self.bias, self.memory.weight, self.memory.bias

    def forward(self, gates: Tensor) -> Tensor:
        """LN(y) for the pre-activations y of the gates, `[4, batch, hidden]`."""
        return torch.addcmul(self.bias, self.gain, F.layer_norm(gates, gates.shape[-1:]))


class LayerNormLSTM(Cell):
    """y = LN(W_x x + W_h h) for y in i, f, g, o; c' = sigma(f) * c + sigma(i) * tanh(g); h' = sigma(o) * tanh(LN(c')).

    Layer norm: Ba, Kiros and Hinton 2016. Of its variants this is the one of the hypernetwork paper (Ha, Dai and Le
    2016): one norm for each gate, after the sum of both products. Ba 2016 norms the two products separately.
    """

    def __init__(self, input_size: int, hidden_size: int, options: CellOptions) -> None:
        """Starts with W_h orthogonal for each gate."""
        super().__init__(input_size, hidden_size, options)
        self.W_x = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = None
        self.norm = GateNorm(hidden_size)
        glorot_(self.W_x, gates=4)
        orthogonal_(self.W_h, gates=4)

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[Tensor]:
        """W_x x `[batch, 4 * hidden]` for each step."""
        return F.linear(inputs, self.W_x).unbind(0)

    def start(self, inputs: Tensor) -> State:
        """h = c = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return zeros, zeros

    def step(self, from_x: Tensor, state: State) -> State:
        """(h, c) to (h', c')."""
        h, c = state
        gates = torch.addmm(from_x, h, self.W_h.t())
        return remember(self.norm(by_gate(gates, 4)).unbind(0), c, normalise=self.norm.memory)


@dataclass(frozen=True, slots=True)
class Moment:
    """What batch norm has to know of a step of time."""

    running: int
    """Sentences that have not ended before this step."""
    weights: Tensor
    """`[1, batch]`: 1 / running for those, 0 for padding, so that `weights @ x` is the mean of x over them."""
    written: int
    """Row of the population statistics that this step adds to."""
    read: int | None
    """Row that stands for the population at this step, if training has seen one."""


class BatchNorm(nn.Module):
    """Normalises each feature over the sentences of the batch that still run, with statistics for every step of time.

    In training a step is normalised by the mean and variance of its own batch, and these are merged into the
    population statistics of that step (Chan, Golub and LeVeque 1979), whose weight decays from batch to batch. They
    count tokens, so steps that few sentences reach are estimated no worse than they can be, and the spread between
    batches is part of the variance. At test time the population statistics alone are used. A step with one sentence
    has no variance: it uses them in training too.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, size: int, options: BatchNormOptions) -> None:
        """`size` features, `options.max_steps` steps of time."""
        super().__init__()
        self.epsilon = options.epsilon
        self.decay = options.decay
        self.gamma = nn.Parameter(torch.full((size,), options.gamma))
        self.register_buffer("count", torch.zeros(options.max_steps))
        self.register_buffer("mean", torch.zeros(options.max_steps, size))
        self.register_buffer("squares", torch.zeros(options.max_steps, size))  # summed squared distances to the mean

    def known(self) -> int:
        """How many steps, from the first on, have population statistics with a variance."""
        return int((self.count >= 2).long().cumprod(0).sum())

    def forward(self, x: Tensor, now: Moment) -> Tensor:
        """BN(x; gamma, 0) for `x [batch, size]`, in the statistics' own type where x has fewer digits."""
        with without_autocast(x.device):
            return self._normalised(x.to(self.mean.dtype), now)

    def _normalised(self, x: Tensor, now: Moment) -> Tensor:
        if self.training and now.running > 1:
            mean = now.weights @ x
            deviation = x - mean
            variance = now.weights @ deviation.square()
        else:
            mean, variance = self._population(now.read)
            deviation = x - mean
        if self.training and now.running > 0:
            self._merge(x, now)
        return self.gamma * deviation * torch.rsqrt(variance + self.epsilon)

    def _population(self, row: int | None) -> tuple[Tensor, Tensor]:
        """Mean and variance `[size]`; 0 and 1 before any training."""
        if row is None:
            return torch.zeros_like(self.mean[0]), torch.ones_like(self.mean[0])
        return self.mean[row], self.squares[row] / self.count[row]

    @torch.no_grad()
    def _merge(self, x: Tensor, now: Moment) -> None:
        """Adds the batch's running sentences to the population of their step."""
        mean = (now.weights @ x)[0]
        squares = now.running * (now.weights @ (x - mean).square())[0]
        row = now.written
        before = self.count[row] * self.decay
        self.count[row] = before + now.running
        shift = mean - self.mean[row]
        self.mean[row] += shift * (now.running / self.count[row])
        self.squares[row] = self.squares[row] * self.decay + squares
        self.squares[row] += shift.square() * (before * now.running / self.count[row])


class BatchNormLSTM(Cell):
    """The LSTM with batch norm in its recurrence (Cooijmans 2016, 'Recurrent Batch Normalization', equations 6 to 8).

    i, f, g, o = BN(W_x x; gamma_x) + BN(W_h h; gamma_h) + b
    c' = sigma(f) * c + sigma(i) * tanh(g)
    h' = sigma(o) * tanh(BN(c'; gamma_c) + beta_c)

    c itself is never normalised. Steps later than T_max = `max_steps` share the population statistics of step T_max;
    steps that training never reached use those of the last that it did.
    """

    def __init__(self, input_size: int, hidden_size: int, options: BatchNormOptions) -> None:
        """Starts with W_h orthogonal for each gate, every gamma 0.1 and b = 0, but 1 for the forget gate."""
        super().__init__(input_size, hidden_size, options)
        self.max_steps = options.max_steps
        self.W_x = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(4 * hidden_size))
        self.norm_x = BatchNorm(4 * hidden_size, options)
        self.norm_h = BatchNorm(4 * hidden_size, options)
        self.norm_c = BatchNorm(hidden_size, options)
        self.beta_c = nn.Parameter(torch.zeros(hidden_size))
        glorot_(self.W_x, gates=4)
        orthogonal_(self.W_h, gates=4)
        forget_bias_(self.b)

    def prepare(self, inputs: Tensor, lengths: Tensor) -> Iterable[tuple[Tensor, Moment]]:
        """W_x x `[batch, 4 * hidden]` and who is still running, for each step."""
        from_x = F.linear(inputs, self.W_x)
        steps = torch.arange(len(inputs), device=lengths.device).unsqueeze(1)
        runs = steps < lengths  # [time, batch]
        running = runs.sum(1)
        weights = (runs.to(self.norm_x.mean.dtype) / running.clamp(min=1).unsqueeze(1)).unsqueeze(1)
        known = self.norm_x.known()
        moments = [
            Moment(
                running=count,
                weights=weights[step],
                written=min(step, self.max_steps - 1),
                read=min(step, known - 1) if known else None,
            )
            for step, count in enumerate(running.tolist())
        ]
        return zip(from_x.unbind(0), moments, strict=True)

    def start(self, inputs: Tensor) -> State:
        """h = c = 0."""
        zeros = inputs.new_zeros(inputs.shape[1], self.hidden_size)
        return zeros, zeros

    def step(self, prepared: tuple[Tensor, Moment], state: State) -> State:
        """(h, c) to (h', c')."""
        from_x, now = prepared
        h, c = state
        gates = self.norm_x(from_x, now) + self.norm_h(h @ self.W_h.t(), now) + self.b
        return remember(gates.chunk(4, dim=1), c, normalise=lambda c: self.norm_c(c, now) + self.beta_c)


def kernel() -> ModuleType:
    """`metalstm.kernels.normalised`, imported when it is first used."""
    from metalstm.kernels import normalised

    return normalised


def batch_kernel() -> ModuleType:
    """`metalstm.kernels.batch_normalised`, imported when it is first used."""
    from metalstm.kernels import batch_normalised

    return batch_normalised


def _batch_weights(cell: BatchNormLSTM) -> tuple[nn.Parameter, ...]:
    return cell.W_x, cell.W_h, cell.b, cell.norm_x.gamma, cell.norm_h.gamma, cell.norm_c.gamma, cell.beta_c


def _batch_rule(cell: BatchNormLSTM) -> dict[str, Any]:
    norms = cell.norm_x, cell.norm_h, cell.norm_c
    return {
        "populations": tuple((norm.count.numpy(), norm.mean.numpy(), norm.squares.numpy()) for norm in norms),
        "learning": cell.training,
        "decay": cell.norm_x.decay,
        "epsilon": cell.norm_x.epsilon,
    }


KERNELS[LayerNormLSTM] = (CompiledKernel(kernel, weights=lambda cell: (cell.W_x, cell.W_h, *cell.norm.weights())),)
KERNELS[BatchNormLSTM] = (CompiledKernel(batch_kernel, weights=_batch_weights, options=_batch_rule),)
