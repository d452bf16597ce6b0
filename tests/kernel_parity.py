"""What the tests of all compiled cells ask: does the kernel say what the loop says, forward and backward?"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from metalstm.nn.cells import REGISTRY, cell, check, recurrent

# batch, longest sentence, features, units: odd sizes, sizes that fill registers, single rows and single units, those
# of a tagger, and many sentences of many lengths
SHAPES = [
    *((7, 20, 5, 10), (13, 31, 30, 33), (128, 4, 6, 16), (1, 1, 3, 2), (3, 5, 4, 1)),
    *((10, 30, 250, 100), (128, 70, 3, 5), (2, 500, 3, 4)),
]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-3}


def build(name: str, input_size: int, hidden_size: int, dtype: torch.dtype, **options: Any) -> cell.Cell:
    """One cell whose weights are all random, also those that start at zero."""
    entry = REGISTRY[name]
    kind = getattr(import_module(f"metalstm.nn.cells.{entry.module}"), entry.cell)
    made: cell.Cell = kind(input_size, hidden_size, check(name, options)).to(dtype)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made


def compiled(made: cell.Cell, inputs: Tensor, lengths: Tensor, mask: Tensor | None = None) -> Tensor | None:
    """What the compiled kernel of the cell's class says: the last of its kernels."""
    return cell.KERNELS[type(made)][-1](made, inputs, lengths, mask)


def ragged(batch: int, longest: int) -> Tensor:
    """Lengths in no order, some sentences empty if the batch is large."""
    lengths = torch.randint(0 if batch > 10 else 1, longest + 1, (batch,))
    lengths[batch // 2] = longest
    return lengths


Way = Callable[[Any, Tensor, Tensor, Tensor | None], Tensor | None]


def assert_parity(
    name: str, dtype: torch.dtype = torch.float64, *, ways: tuple[Way, Way] = (cell.eager, compiled), **options: Any
) -> None:
    """Equal outputs, statistics and gradients of inputs and of every weight, on all shapes, with and without a mask."""
    torch.manual_seed(1)
    shapes = SHAPES if dtype == torch.float64 else SHAPES[:-1]  # rounding errors grow over hundreds of steps
    for number, (batch, longest, input_size, hidden_size) in enumerate(shapes):
        made = build(name, input_size, hidden_size, dtype, **options)
        lengths = ragged(batch, longest)
        inputs = torch.randn(longest, batch, input_size, dtype=dtype, requires_grad=True)
        mask = (torch.rand(batch, hidden_size) > 0.3).to(dtype) / 0.7 if number % 2 else None
        real = (torch.arange(longest).unsqueeze(1) < lengths).unsqueeze(2)
        weights = torch.randn(longest, batch, hidden_size, dtype=dtype)
        statistics = {key: value.clone() for key, value in made.named_buffers()}
        variables = {"inputs": inputs, **dict(made.named_parameters())}
        results = []
        for way in ways:
            made.load_state_dict(statistics, strict=False)
            outputs = way(made, inputs, lengths, mask)
            assert outputs is not None
            outputs = outputs.masked_fill(~real, 0.0)
            loss = (outputs * weights).sum()
            gradients = torch.autograd.grad(loss, list(variables.values()), materialize_grads=True)
            results.append({"outputs": outputs, **dict(zip(variables, gradients, strict=True))})
            results[-1].update((key, value.clone()) for key, value in made.named_buffers())
        for key, expected in results[0].items():
            difference = (results[1][key] - expected).abs().max() / (1.0 + expected.abs().max())
            assert difference < TOLERANCE[dtype], (name, options, (batch, longest), key)


def assert_layers_alike(name: str, **options: Any) -> None:
    """Two bidirectional layers with recurrent dropout, kernels on and off, on one seed: also in a second call."""
    layers = []
    for kernels in ("auto", "off"):
        torch.manual_seed(2)
        layers.append(recurrent(name, 6, 8, num_layers=2, dropout_recurrent=0.3, kernels=kernels, **options).double())
    inputs, lengths = torch.randn(5, 9, 6, dtype=torch.float64), torch.tensor([4, 9, 1, 9, 6])
    results = []
    for layer in layers:
        for _ in range(2):
            torch.manual_seed(3)
            layer.zero_grad()
            outputs = layer(inputs, lengths)
            outputs.square().sum().backward()
            results.append([outputs, *(parameter.grad.clone() for parameter in layer.parameters())])
    fast, again, loop, _ = results
    assert all(torch.equal(a, b) for a, b in zip(fast, again, strict=True))
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(fast, loop, strict=True))


def assert_gradient_of_gradient(name: str, *, ways: tuple[Way, Way] = (cell.eager, compiled), **options: Any) -> None:
    """The loop takes over where a gradient is differentiated."""
    torch.manual_seed(4)
    made = build(name, 3, 4, torch.float64, **options)
    lengths = torch.tensor([2, 5])
    inputs = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    real = (torch.arange(5).unsqueeze(1) < lengths).unsqueeze(2)
    statistics = {key: value.clone() for key, value in made.named_buffers()}
    results = []
    for way in ways:
        made.load_state_dict(statistics, strict=False)
        loss = way(made, inputs, lengths, None).masked_fill(~real, 0.0).square().sum()
        (gradient,) = torch.autograd.grad(loss, inputs, create_graph=True)
        variables = [inputs, *made.parameters()]
        results.append(torch.autograd.grad(gradient.square().sum(), variables, materialize_grads=True))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


numbers = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
