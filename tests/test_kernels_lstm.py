import numpy as np
import pytest
import torch

from kernel_parity import assert_gradient_of_gradient, assert_layers_alike, assert_parity, build, compiled, numbers
from metalstm.kernels import lstm
from metalstm.kernels.products import by_numpy
from metalstm.nn import compiled as kernels
from metalstm.nn.cells import cell, recurrent


@numbers
def test_the_kernel_says_what_the_loop_says(dtype):
    assert_parity("lstm", dtype)


def test_layers_with_recurrent_dropout():
    assert_layers_alike("lstm")


def test_gradients_of_gradients():
    assert_gradient_of_gradient("lstm")


def test_gradients_of_gradients_in_both_directions():
    results = []
    for way in ("auto", "off"):
        torch.manual_seed(5)
        layer = recurrent("lstm", 3, 4, kernels=way).double()
        inputs = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
        loss = layer(inputs, torch.tensor([2, 5])).square().sum()
        (gradient,) = torch.autograd.grad(loss, inputs, create_graph=True)
        results.append(torch.autograd.grad(gradient.square().sum(), [inputs, *layer.parameters()]))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_kernel_alone_needs_no_torch():
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(3, 2)), np.ones((2, 3))
    weights = rng.normal(size=(12, 2)), rng.normal(size=(12, 3)), rng.normal(size=12)
    h, run = lstm.forward(x, np.array([2, 1]), mask, by_numpy, *weights)
    gradients = lstm.backward(np.ones_like(h), run, by_numpy, *weights)
    assert [gradient.shape for gradient in gradients] == [array.shape for array in (x, *weights)]
    again, _ = lstm.forward(x, np.array([2, 1]), mask, by_numpy, *weights)
    np.testing.assert_array_equal(h, again)


def test_padding_is_neither_read_nor_given_a_gradient():
    made = build("lstm", 3, 4, torch.float64)
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    inputs[2:, 0] = float("nan")
    inputs.requires_grad_()
    outputs = compiled(made, inputs, torch.tensor([2, 5]))
    assert torch.equal(outputs[2:, 0], torch.zeros(3, 4, dtype=torch.float64))
    outputs.sum().backward()
    assert torch.equal(inputs.grad[2:, 0], torch.zeros(3, 3, dtype=torch.float64))
    assert all(parameter.grad.isfinite().all() for parameter in made.parameters())


def test_not_a_number_is_not_hidden():
    made = build("lstm", 3, 4, torch.float32)
    inputs = torch.randn(5, 2, 3)
    inputs[1, 0, 0] = float("nan")
    outputs = compiled(made, inputs, torch.tensor([5, 5]))
    assert outputs[1:, 0].isnan().all()
    assert outputs[:, 1].isfinite().all()


def test_only_empty_sentences():
    made = build("lstm", 3, 4, torch.float64)
    inputs = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    outputs = compiled(made, inputs, torch.tensor([0, 0]))
    outputs.sum().backward()
    assert not outputs.any()
    assert not inputs.grad.any()


@pytest.mark.parametrize("reason", ["type of number", "mask to be learnt"])
def test_what_a_kernel_cannot_do_is_left_to_the_loop(reason):
    made = build("lstm", 3, 4, torch.float64)
    inputs = torch.randn(5, 2, 3, dtype=torch.float64)
    mask = None
    if reason == "type of number":
        made, inputs = made.bfloat16(), inputs.bfloat16()
    else:
        mask = torch.ones(2, 4, dtype=torch.float64, requires_grad=True)
    assert compiled(made, inputs, torch.tensor([5, 5]), mask) is None
    outputs = cell.run(made, inputs, torch.tensor([5, 5]), mask)
    torch.testing.assert_close(outputs, cell.eager(made, inputs, torch.tensor([5, 5]), mask), atol=0.02, rtol=0.0)


def test_without_numba_there_is_one_warning_and_the_same_result(monkeypatch):
    def broken(dtype):
        raise ImportError("No module named 'numba'")

    inputs, lengths = torch.randn(2, 5, 3), torch.tensor([5, 3])
    layer = recurrent("rnn", 3, 4)
    expected = layer(inputs, lengths)
    monkeypatch.setattr("metalstm.kernels.elman.compile", broken)
    kernels._ready.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="no compiled kernel for metalstm.nn.cells.elman") as caught:
            slower = layer(inputs, lengths)
        assert len(caught) == 1
    finally:
        kernels._ready.cache_clear()
    torch.testing.assert_close(slower, expected)
