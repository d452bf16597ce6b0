"""Every cell against a second implementation: one sentence, one unit of time, one gate after the other."""

import pytest
import torch
from torch import Tensor, nn

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.cell import Cell, eager
from metalstm.nn.cells.elman import RNN
from metalstm.nn.cells.hyper import MetaLSTM, MetaRNN
from metalstm.nn.cells.lstm import LSTM, TorchLSTM, fused
from metalstm.nn.cells.multitask import MetaMultiTask
from metalstm.nn.cells.normalised import BatchNorm, BatchNormLSTM, GateNorm, LayerNormLSTM
from metalstm.nn.cells.stack import Stack

TOLERANCE = 1e-10
INPUT, HIDDEN = 5, 4

CASES: list[tuple[str, dict[str, object]]] = [
    ("rnn", {}),
    ("rnn", {"activation": "relu"}),
    ("lstm", {}),
    ("torchlstm", {}),
    ("lnlstm", {}),
    ("bnlstm", {"max_steps": 5}),
    ("metarnn", {"hyper_size": 3, "embedding_size": 2}),
    ("metarnn", {"hyper_size": 3, "embedding_size": 2, "z": "shared"}),
    ("metalstm", {"hyper_size": 3, "embedding_size": 2}),
    ("metalstm", {"hyper_size": 3, "embedding_size": 2, "z": "shared"}),
    ("metalnlstm", {"hyper_size": 3, "embedding_size": 2}),
    ("metalnlstm", {"hyper_size": 3, "embedding_size": 2, "z": "shared"}),
    ("metamtl", {"num_tasks": 3, "meta_size": 3, "embedding_size": 2}),
]


def sigma(y: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-y))


def layer_norm(y: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    centred = y - y.sum() / len(y)
    return gain * centred / ((centred**2).sum() / len(y) + 1e-5) ** 0.5 + bias


def lstm_step(y: list[Tensor], c: Tensor, norm: GateNorm | None = None) -> tuple[Tensor, Tensor]:
    if norm is not None:
        y = [layer_norm(gate, norm.gain[k, 0], norm.bias[k, 0]) for k, gate in enumerate(y)]
    i, f, g, o = sigma(y[0]), sigma(y[1]), torch.tanh(y[2]), sigma(y[3])
    c = f * c + i * g
    seen = c if norm is None else layer_norm(c, norm.memory.weight, norm.memory.bias)
    return o * torch.tanh(seen), c


def affine(W_x: Tensor, W_h: Tensor, b: Tensor | None, x: Tensor, h: Tensor, gates: int, size: int) -> list[Tensor]:
    y = W_x @ x + W_h @ h
    if b is not None:
        y = y + b
    return [y[k * size : (k + 1) * size] for k in range(gates)]


def small_step(cell: Cell, x: Tensor, state: list[Tensor]) -> list[Tensor]:
    """One step of a cell that may be the small network of another."""
    n = cell.hidden_size
    if isinstance(cell, RNN):
        (y,) = affine(cell.W_x, cell.W_h, cell.b, x, state[0], 1, n)
        return [torch.tanh(y) if cell.phi is torch.tanh else y.clamp(min=0)]
    if isinstance(cell, TorchLSTM):
        W_x, W_h, b_x, b_h = cell.lstm.all_weights[0]
        return list(lstm_step(affine(W_x, W_h, b_x + b_h, x, state[0], 4, n), state[1]))
    assert isinstance(cell, LSTM | LayerNormLSTM)
    y = affine(cell.W_x, cell.W_h, cell.b, x, state[0], 4, n)
    return list(lstm_step(y, state[1], cell.norm if isinstance(cell, LayerNormLSTM) else None))


def hyper_step(cell: MetaRNN | MetaLSTM, x: Tensor, state: list[Tensor]) -> list[Tensor]:
    n = cell.hidden_size
    own = 1 if isinstance(cell, MetaRNN) else 2
    h, small = state[0], small_step(cell.hyper, torch.cat([x, state[0]]), state[own:])
    y = []
    for gate in range(cell.gates):
        e = gate if cell.A.shape[1] == cell.gates else 0
        z_x = cell.A[0, e] @ small[0] + cell.a[0, e]
        z_h = cell.A[1, e] @ small[0] + cell.a[1, e]
        z_b = cell.A[2, e] @ small[0]
        rows = slice(gate * n, (gate + 1) * n)
        W_x = torch.diag(cell.D[0, gate] @ z_x) @ cell.W_x[rows]
        W_h = torch.diag(cell.D[1, gate] @ z_h) @ cell.W_h[rows]
        y.append(W_x @ x + W_h @ h + cell.D[2, gate] @ z_b + cell.b_0[gate, 0])
    if isinstance(cell, MetaRNN):
        return [torch.tanh(y[0]), *small]
    return [*lstm_step(y, state[1], cell.norm), *small]


def multitask_step(cell: MetaMultiTask, task: int, x: Tensor, state: list[Tensor]) -> list[Tensor]:
    x_and_h = torch.cat([x, state[0]])
    small = small_step(cell.meta, x_and_h, state[2:])
    z = cell.W_z @ small[0]
    own = cell.tasks[task]
    y = []
    for gate in range(4):
        W = own.P[gate].T @ torch.diag(z) @ own.Q[gate]
        y.append(W @ x_and_h + own.B[gate] @ z)
    return [*lstm_step(y, state[1]), *small]


def batch_norm_step(cell: BatchNormLSTM, t: int, x: Tensor, state: list[Tensor]) -> list[Tensor]:
    def norm(y: Tensor, of: BatchNorm) -> Tensor:
        row = min(t, len(of.count) - 1)
        return of.gamma * (y - of.mean[row]) / (of.squares[row] / of.count[row] + 1e-5) ** 0.5

    y = norm(cell.W_x @ x, cell.norm_x) + norm(cell.W_h @ state[0], cell.norm_h) + cell.b
    i, f, g, o = y.chunk(4)
    c = sigma(f) * state[1] + sigma(i) * torch.tanh(g)
    return [sigma(o) * torch.tanh(norm(c, cell.norm_c) + cell.beta_c), c]


def read(cell: Cell, sentence: Tensor, task: int, mask: Tensor | None = None) -> Tensor:
    """Outputs `[length, hidden]` for one sentence `[length, input]`."""
    state = [start[0] for start in cell.start(sentence.unsqueeze(1))]
    outputs = []
    for t, x in enumerate(sentence):
        if mask is not None:
            state[0] = state[0] * mask
        if isinstance(cell, MetaRNN | MetaLSTM):
            state = hyper_step(cell, x, state)
        elif isinstance(cell, MetaMultiTask):
            state = multitask_step(cell, task, x, state)
        elif isinstance(cell, BatchNormLSTM):
            state = batch_norm_step(cell, t, x, state)
        else:
            state = small_step(cell, x, state)
        outputs.append(state[0])
    return torch.stack(outputs)


def read_stack(module: Stack, sentence: Tensor, task: int) -> Tensor:
    for layer in module.layers:
        forward, backward = layer
        sentence = torch.cat([read(forward, sentence, task), read(backward, sentence.flip(0), task).flip(0)], dim=1)
    return sentence


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """In float64, with every parameter and statistic away from its start."""
    generator = torch.Generator().manual_seed(seed)
    module.double()
    for parameter in module.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    for norm in module.modules():
        if isinstance(norm, BatchNorm):
            norm.count.fill_(7.0)
            norm.mean.copy_(torch.randn(norm.mean.shape, generator=generator) * 0.3)
            norm.squares.copy_(torch.rand(norm.squares.shape, generator=generator) + 2.0)
    return module


def build(name: str, options: dict[str, object], num_layers: int = 2) -> Stack:
    module = recurrent(name, INPUT, HIDDEN, num_layers=num_layers, **options)
    randomised(module)
    # population statistics do not depend on the batch; those of the batch have a test file of their own
    return module.eval() if name == "bnlstm" else module


def arguments(module: Stack, inputs: Tensor, lengths: Tensor, corpus: Tensor) -> tuple[Tensor, ...]:
    return (inputs, lengths, corpus) if module.takes_corpus else (inputs, lengths)


def gradients(module: nn.Module, inputs: Tensor, outputs: Tensor, weights: Tensor) -> list[Tensor]:
    wanted = [inputs, *module.parameters()]
    found = torch.autograd.grad((outputs * weights).sum(), wanted, allow_unused=True)
    return [torch.zeros_like(of) if g is None else g for of, g in zip(wanted, found, strict=True)]


def differences(name: str, options: dict[str, object], seed: int) -> tuple[float, float]:
    """Largest differences of outputs and of gradients, between the module and the equations, on a ragged batch."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 8, (6,), generator=generator)
    lengths[3] = 1
    time = int(lengths.max()) + 1
    inputs = torch.randn(6, time, INPUT, generator=generator, dtype=torch.float64, requires_grad=True)
    corpus = torch.randint(0, 3, (6,), generator=generator)
    weights = torch.randn(6, time, 2 * HIDDEN, generator=generator, dtype=torch.float64)

    module = build(name, options)
    fast = module(*arguments(module, inputs, lengths, corpus))
    slow = torch.zeros_like(fast)
    for row, length in enumerate(lengths.tolist()):
        slow[row, :length] = read_stack(module, inputs[row, :length], int(corpus[row]))
    pairs = zip(gradients(module, inputs, fast, weights), gradients(module, inputs, slow, weights), strict=True)
    return (fast - slow).abs().max().item(), max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("kernels", ["auto", "off"])
@pytest.mark.parametrize("seed", [1, 2])
def test_batches_agree_with_the_equations(name: str, options: dict[str, object], kernels: str, seed: int) -> None:
    outputs, slopes = differences(name, {**options, "kernels": kernels}, seed)
    assert outputs < TOLERANCE
    assert slopes < TOLERANCE


@pytest.mark.parametrize(("name", "options"), CASES)
def test_recurrent_dropout_scales_the_state_that_a_step_reads(name: str, options: dict[str, object]) -> None:
    module = build(name, options, num_layers=1)
    cell = module.layers[0][0]
    inputs = torch.randn(6, 4, INPUT, dtype=torch.float64)
    corpus = torch.tensor([2, 0, 2, 1])
    mask = torch.randint(0, 2, (4, HIDDEN)).double() * 1.5
    outputs = cell(inputs, torch.full((4,), 6), mask, corpus)
    for row in range(4):
        expected = read(cell, inputs[:, row], int(corpus[row]), mask[row])
        torch.testing.assert_close(outputs[:, row], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_gradients_agree_with_finite_differences(name: str, options: dict[str, object]) -> None:
    module = build(name, options, num_layers=1)
    names = [key for key, _ in module.named_parameters()]
    inputs = torch.randn(3, 4, INPUT, dtype=torch.float64, requires_grad=True)
    given = arguments(module, inputs, torch.tensor([4, 2, 4]), torch.tensor([0, 1, 0]))

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, values, strict=True)), (x, *given[1:]))

    assert torch.autograd.gradcheck(outputs, (inputs, *module.parameters()), fast_mode=True)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_padding_is_never_read(name: str, options: dict[str, object], garbage: float) -> None:
    module = build(name, options)
    lengths, corpus = torch.tensor([2, 5, 1]), torch.tensor([0, 1, 1])
    weights = torch.randn(3, 6, 2 * HIDDEN, dtype=torch.float64)
    results = []
    for filling in (0.0, garbage):
        inputs = torch.randn(3, 6, INPUT, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
        for row, length in enumerate(lengths):
            inputs[row, length:] = filling
        inputs.requires_grad_()
        outputs = module(*arguments(module, inputs, lengths, corpus))
        results.append([outputs, *gradients(module, inputs, outputs, weights)])
    for clean, dirty in zip(*results, strict=True):
        assert torch.equal(clean, dirty)
    outputs, slopes = results[1][:2]
    for row, length in enumerate(lengths):
        assert not outputs[row, length:].any()
        assert not slopes[row, length:].any()


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_sentence_does_not_depend_on_its_batch(name: str, options: dict[str, object]) -> None:
    module = build(name, options)
    lengths, corpus = torch.tensor([2, 7, 1]), torch.tensor([2, 1, 2])
    inputs = torch.randn(3, 7, INPUT, dtype=torch.float64)
    together = module(*arguments(module, inputs, lengths, corpus))
    for row, length in enumerate(lengths.tolist()):
        alone = module(
            *arguments(module, inputs[row : row + 1, :length], lengths[row : row + 1], corpus[row : row + 1])
        )
        torch.testing.assert_close(together[row, :length], alone[0], rtol=0, atol=TOLERANCE)


def test_the_fused_lstm_is_the_eager_one() -> None:
    cell = build("lstm", {}, num_layers=1).layers[0][0]
    inputs = torch.randn(6, 3, INPUT, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([6, 6, 6])
    weights = torch.randn(6, 3, HIDDEN, dtype=torch.float64)
    fast, slow = fused(cell, inputs, lengths, None), eager(cell, inputs, lengths)
    torch.testing.assert_close(fast, slow, rtol=0, atol=TOLERANCE)
    for a, b in zip(gradients(cell, inputs, fast, weights), gradients(cell, inputs, slow, weights), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE)
