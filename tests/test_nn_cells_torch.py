"""The Elman network and the LSTMs against torch's own modules on packed sequences."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.lstm import TorchLSTM

TOLERANCE = 1e-12
LENGTHS = torch.tensor([9, 1, 4, 9, 6])


def theirs_from(ours: nn.Module, theirs: nn.Module) -> dict[str, list[str]]:
    """Copies our weights into torch's module; returns which of its parameters each of ours is."""
    names = {}
    own = dict(theirs.named_parameters())
    for depth, layer in enumerate(ours.layers):
        for direction, cell in enumerate(layer):
            suffix = f"l{depth}" + ("_reverse" if direction else "")
            where = f"layers.{depth}.{direction}"
            if isinstance(cell, TorchLSTM):
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    own[f"{kind}_{suffix}"].data.copy_(cell.lstm.get_parameter(f"{kind}_l0"))
                    names[f"{where}.lstm.{kind}_l0"] = [f"{kind}_{suffix}"]
            else:
                own[f"weight_ih_{suffix}"].data.copy_(cell.W_x)
                own[f"weight_hh_{suffix}"].data.copy_(cell.W_h)
                own[f"bias_ih_{suffix}"].data.copy_(cell.b * 0.25)
                own[f"bias_hh_{suffix}"].data.copy_(cell.b * 0.75)
                names[f"{where}.W_x"] = [f"weight_ih_{suffix}"]
                names[f"{where}.W_h"] = [f"weight_hh_{suffix}"]
                names[f"{where}.b"] = [f"bias_ih_{suffix}", f"bias_hh_{suffix}"]
    return names


def packed(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    outputs, _ = module(pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])[0]


def compare(name: str, theirs: nn.Module, **options: object) -> tuple[float, float]:
    """Largest differences of outputs and of gradients between our module and torch's."""
    torch.manual_seed(3)
    ours = recurrent(name, 7, 5, num_layers=2, **options).double()
    for parameter in ours.parameters():
        parameter.data.normal_(std=0.4)
    names = theirs_from(ours, theirs.double())
    mine = torch.randn(5, 10, 7, dtype=torch.float64, requires_grad=True)
    other = mine.detach().clone().requires_grad_()
    weights = torch.randn(5, 10, 10, dtype=torch.float64)

    outputs, expected = ours(mine, LENGTHS), packed(theirs, other, LENGTHS)
    (outputs * weights).sum().backward()
    (expected * weights).sum().backward()
    slopes = [(mine.grad - other.grad).abs().max()]
    assert {key for key, _ in ours.named_parameters()} == set(names)
    for key, counterparts in names.items():
        for counterpart in counterparts:  # the gradient of a sum of two biases is that of either
            slopes.append((ours.get_parameter(key).grad - theirs.get_parameter(counterpart).grad).abs().max())
    return (outputs - expected).abs().max().item(), torch.stack(slopes).max().item()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_is_torchs(activation: str) -> None:
    theirs = nn.RNN(7, 5, num_layers=2, nonlinearity=activation, bidirectional=True, batch_first=True)
    assert max(compare("rnn", theirs, activation=activation)) < TOLERANCE


@pytest.mark.parametrize("name", ["lstm", "torchlstm"])
def test_lstm_is_torchs(name: str) -> None:
    theirs = nn.LSTM(7, 5, num_layers=2, bidirectional=True, batch_first=True)
    assert max(compare(name, theirs)) < TOLERANCE


def test_one_direction_reads_forward() -> None:
    ours = recurrent("lstm", 3, 4, bidirectional=False).double()
    inputs = torch.randn(2, 6, 3, dtype=torch.float64)
    changed = inputs.clone()
    changed[:, 4:] += 1.0
    lengths = torch.tensor([6, 6])
    assert ours(inputs, lengths).shape == (2, 6, 4)
    assert torch.equal(ours(inputs, lengths)[:, :4], ours(changed, lengths)[:, :4])
