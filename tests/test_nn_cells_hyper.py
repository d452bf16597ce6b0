"""What is particular to hypernetwork cells: how they start, and what they are when nothing is rescaled."""

import pytest
import torch

from metalstm.nn.cells import recurrent
from metalstm.nn.cells.cell import Cell
from metalstm.nn.cells.hyper import HyperCell
from metalstm.nn.cells.lstm import remember
from metalstm.nn.cells.starts import FORGET

HYPER = ["metarnn", "metalstm", "metalnlstm"]


def only_cell(name: str, hidden_size: int = 6, **options: object) -> HyperCell:
    torch.manual_seed(0)
    cell = recurrent(name, 5, hidden_size, bidirectional=False, **options).double().layers[0][0]
    assert isinstance(cell, HyperCell)
    return cell


def unscaled(cell: HyperCell) -> HyperCell:
    """With A = 0, a = 1, D_x = D_h = 1 / N_z and D_b = 0: d = 1, b = b_0, whatever h^ is."""
    n_z = cell.D.shape[-1]
    cell.A.data.zero_()
    cell.a.data.fill_(1.0)
    cell.D.data[:2] = 1.0 / n_z
    cell.D.data[2] = 0.0
    return cell


def same_run(ours: Cell, other: Cell, shared: dict[str, str]) -> tuple[float, float]:
    """Largest differences of outputs and of the gradients of the parameters that both cells have."""
    inputs = torch.randn(7, 3, 5, dtype=torch.float64)
    weights = torch.randn(7, 3, ours.hidden_size, dtype=torch.float64)
    lengths = torch.tensor([7, 7, 7])
    results = []
    for cell in (ours, other):
        outputs = cell(inputs, lengths)
        (outputs * weights).sum().backward()
        results.append(outputs)
    slopes = []
    for mine, theirs in shared.items():
        a, b = ours.get_parameter(mine).grad, other.get_parameter(theirs).grad
        assert a is not None
        assert b is not None
        slopes.append((a.flatten() - b.flatten()).abs().max().item())
    return (results[0] - results[1]).abs().max().item(), max(slopes)


@pytest.mark.parametrize("name", HYPER)
@pytest.mark.parametrize("z", ["per_gate", "shared"])
def test_every_scale_is_a_tenth_at_the_start(name: str, z: str) -> None:
    cell = only_cell(name, z=z)
    d_x, d_h, b = cell.scales(torch.randn(3, 100, dtype=torch.float64))
    torch.testing.assert_close(d_x, torch.full_like(d_x, 0.1))
    torch.testing.assert_close(d_h, torch.full_like(d_h, 0.1))
    assert torch.equal(b, cell.b_0.expand_as(b))  # D_b = 0
    assert 0.008 < cell.A[2].std() < 0.012


@pytest.mark.parametrize("name", HYPER)
def test_recurrent_weights_start_orthogonal_for_each_gate(name: str) -> None:
    cell = only_cell(name)
    for block in cell.W_h.chunk(cell.gates):
        torch.testing.assert_close(block @ block.T, torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-5)


def test_forget_bias_starts_at_one() -> None:
    plain, normed = only_cell("metalstm"), only_cell("metalnlstm")
    for bias in (plain.b_0, normed.norm.bias):
        assert (bias[FORGET] == 1).all()
        assert bias.sum() == bias[FORGET].sum()
    assert not normed.b_0.any()


@pytest.mark.parametrize("z", ["per_gate", "shared"])
def test_without_scaling_metalnlstm_is_the_layer_norm_lstm(z: str) -> None:
    ours = unscaled(only_cell("metalnlstm", z=z))
    other = recurrent("lnlstm", 5, 6, bidirectional=False).double().layers[0][0]
    for parameter in other.parameters():
        parameter.data.normal_(std=0.5)
    shared = {key: key for key, _ in other.named_parameters()}
    for key in shared:
        ours.get_parameter(key).data.copy_(other.get_parameter(key))
    assert max(same_run(ours, other, shared)) < 1e-12


def test_without_scaling_metalstm_is_the_lstm() -> None:
    ours = unscaled(only_cell("metalstm"))
    other = recurrent("lstm", 5, 6, bidirectional=False).double().layers[0][0]
    shared = {"W_x": "W_x", "W_h": "W_h", "b_0": "b"}
    for mine, theirs in shared.items():
        value = ours.get_parameter(mine).data
        value.copy_(other.get_parameter(theirs).view_as(value))
    assert max(same_run(ours, other, shared)) < 1e-12


def test_without_scaling_metarnn_is_the_rnn() -> None:
    ours = unscaled(only_cell("metarnn"))
    other = recurrent("rnn", 5, 6, bidirectional=False).double().layers[0][0]
    shared = {"W_x": "W_x", "W_h": "W_h", "b_0": "b"}
    for mine, theirs in shared.items():
        value = ours.get_parameter(mine).data
        value.copy_(other.get_parameter(theirs).view_as(value))
    assert max(same_run(ours, other, shared)) < 1e-12


@pytest.mark.parametrize("name", HYPER)
def test_the_studys_start_scales_the_weights_to_almost_nothing(name: str) -> None:
    cell = only_cell(name, hidden_size=100, z="shared", start="study")
    bound = 1 / 100**0.5
    for key, weight in cell.named_parameters():
        if "norm" not in key:
            assert 0.9 * bound < weight.abs().max() <= bound
    d_x, d_h, _ = cell.scales(torch.zeros(1, 100, dtype=torch.float64))
    for d in (d_x, d_h):
        assert d.std() < 0.025
        assert d.mean().abs() < 0.025


def test_layer_norm_is_what_tells_metalnlstm_from_metalstm() -> None:
    plain, normed = only_cell("metalstm"), only_cell("metalnlstm")
    keys = {key for key, _ in plain.named_parameters()}
    more = {key for key, _ in normed.named_parameters()} - keys
    assert more
    assert all("norm" in key for key in more)


@pytest.mark.parametrize("name", ["metalstm", "metalnlstm"])
def test_candidate_dropout_is_for_training_only(name: str) -> None:
    module = recurrent(name, 5, 6, dropout_candidate=0.5)
    inputs, lengths = torch.randn(2, 4, 5), torch.tensor([4, 3])
    assert not torch.equal(module(inputs, lengths), module(inputs, lengths))
    module.eval()
    assert torch.equal(module(inputs, lengths), module(inputs, lengths))


def test_candidate_dropout_never_erases_memory() -> None:
    torch.manual_seed(0)
    c = torch.ones(1, 1000)
    gates = [torch.full_like(c, value) for value in (20.0, 20.0, 20.0, 20.0)]  # i = f = g = o = 1
    _, after = remember(gates, c, dropout=0.5)
    kept = after == 3.0  # c + g / (1 - 0.5)
    assert (after[~kept] == 1.0).all()
    assert 400 < kept.sum() < 600


def test_the_small_network_reads_the_input_and_the_state() -> None:
    cell = only_cell("metalstm")
    cell.D.data.normal_()
    cell.A.data.normal_()
    inputs = torch.randn(3, 2, 5, dtype=torch.float64)
    cell(inputs, torch.tensor([3, 3])).sum().backward()
    slopes = cell.hyper.W_x.grad
    assert slopes[:, :5].any()
    assert slopes[:, 5:].any()
