import pytest
import torch

from kernel_parity import (
    assert_gradient_of_gradient,
    assert_layers_alike,
    assert_parity,
    build,
    compiled,
    numbers,
    ragged,
)
from metalstm.nn.cells import cell


@numbers
def test_the_kernel_says_what_the_loop_says(dtype):
    assert_parity("bnlstm", dtype)


def test_layers_with_recurrent_dropout():
    assert_layers_alike("bnlstm")


def test_gradients_of_gradients():
    assert_gradient_of_gradient("bnlstm")


def test_a_gradient_of_a_gradient_that_fails_leaves_the_statistics_as_they_were(monkeypatch):
    made = build("bnlstm", 3, 4, torch.float64)
    inputs, lengths = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True), torch.tensor([2, 5])
    loss = compiled(made, inputs, lengths, None).sum()
    compiled(made, inputs, lengths, None)
    before = [value.clone() for value in made.buffers()]

    def failing(*arguments):
        raise MemoryError

    monkeypatch.setattr(type(made), "eager", failing)
    with pytest.raises(MemoryError):
        torch.autograd.grad(loss, inputs, create_graph=True)
    assert all(torch.equal(a, b) for a, b in zip(before, made.buffers(), strict=True))


@pytest.mark.parametrize("steps", [1, 4, 50])
def test_statistics_of_several_batches_and_evaluation_with_them(steps):
    """Later steps share the last row of the statistics, and steps with one sentence read it while it changes."""
    results = []
    for way in (cell.eager, compiled):
        torch.manual_seed(5)
        made = build("bnlstm", 3, 4, torch.float64, max_steps=steps, decay=0.9)
        for batch in (1, 3, 12):
            way(made, torch.randn(11, batch, 3, dtype=torch.float64), ragged(batch, 11), None)
        made.eval()
        inputs, lengths = torch.randn(13, 4, 3, dtype=torch.float64, requires_grad=True), torch.tensor([13, 13, 13, 13])
        before = [value.clone() for value in made.buffers()]
        outputs = way(made, inputs, lengths, None)
        assert all(torch.equal(a, b) for a, b in zip(before, made.buffers(), strict=True))
        gradients = torch.autograd.grad(outputs.square().sum(), [inputs, *made.parameters()])
        results.append([outputs, *gradients, *before])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)
