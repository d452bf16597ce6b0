"""Optimisers by kernels beside the steps of torch's own, which `kernels: off` takes."""

import copy

import pytest
import torch
from torch import nn

from metalstm.training.compiled_updates import CompiledSteps
from metalstm.training.optimisers import Optimiser, for_parameters
from metalstm.training.options import OptimiserOptions

OPTIONS = [
    *(OptimiserOptions(learning_rate=0.05, momentum=momentum, weight_decay=0.1) for momentum in (0.0, 0.9)),
    *(
        OptimiserOptions(name=name, learning_rate=0.05, weight_decay=decay)
        for name in ("adam", "adamw", "nadam")
        for decay in (0.0, 0.1)
    ),
]
WORDS, SIZE = 11, 19


def parameters(dtype: torch.dtype) -> list[nn.Parameter]:
    """A table of words, then what is dense: more numbers than one register holds, one, and none."""
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in [(WORDS, SIZE), (37, 5), (1,), (0, 3)]]


def made(options: OptimiserOptions, weights: list[nn.Parameter], kernels: str) -> Optimiser:
    table, *dense = weights
    return for_parameters(options, dense, [table], kernels)


def learn(steps: Optimiser, weights: list[nn.Parameter], seed: int, limit: float = 0.0) -> list[float]:
    """Three steps, the second without a gradient for one parameter; norms of the gradients."""
    generator = torch.Generator().manual_seed(seed)
    norms = []
    for number in range(3):
        table, *dense = weights
        rows = torch.randint(WORDS, (1, 6), generator=generator)  # some of them twice
        values = torch.randn(6, SIZE, generator=generator, dtype=table.dtype)
        table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=False)
        for parameter in dense:
            parameter.grad = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        if number == 1:
            dense[0].grad = None
        norms.append(steps.clip(limit))
        steps.step()
    return norms


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("limit", [0.0, 0.5, 1e9])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_kernels_make_the_weights_and_moments_that_torch_makes(options, limit, dtype, within):
    by_kernels, by_torch = parameters(dtype), parameters(dtype)
    ours, torchs = made(options, by_kernels, "auto"), made(options, by_torch, "off")
    norms = learn(ours, by_kernels, 1, limit), learn(torchs, by_torch, 1, limit)
    assert norms[0] == pytest.approx(norms[1], rel=within)
    torch.testing.assert_close(by_kernels, by_torch, rtol=within, atol=within)
    # Moments lie where torch would have put them: what one has begun the other goes on with.
    torch.testing.assert_close(ours.state_dict(), torchs.state_dict(), rtol=within, atol=within)
    ours.load_state_dict(copy.deepcopy(torchs.state_dict()))
    torchs.load_state_dict(copy.deepcopy(ours.state_dict()))
    learn(ours, by_kernels, 2), learn(torchs, by_torch, 2)
    torch.testing.assert_close(by_kernels, by_torch, rtol=within, atol=within)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_steps_are_taken_by_kernels(options, monkeypatch):
    """All but those of sgd without momentum, and of sgd on the table, which are torch's own."""
    by_kernels = []
    step = CompiledSteps.step
    monkeypatch.setattr(CompiledSteps, "step", lambda *of: by_kernels.append(step(*of)) or by_kernels[-1])
    weights = parameters(torch.float32)
    learn(made(options, weights, "auto"), weights, 1)
    assert by_kernels == [options.name != "sgd" or options.momentum > 0, options.name != "sgd"] * 3


@pytest.mark.parametrize("kernels", ["auto", "off"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_that_do_not_lie_row_after_row_are_read_as_they_stand(options, kernels):
    found = []
    for lay_out in (torch.Tensor.contiguous, lambda gradient: gradient):
        weight = nn.Parameter(torch.zeros(2, 3))
        steps = for_parameters(options, [weight], kernels=kernels)
        for gradient in (torch.arange(6.0).view(3, 2).T, torch.ones(2, 1).expand(2, 3)):
            weight.grad = lay_out(gradient)
            assert steps.clip(0.0) == pytest.approx(gradient.norm().item())
            steps.step()
        found.append(weight.tolist())
    assert found[0] == found[1]


def test_numbers_without_a_kernel_are_left_to_torch():
    weight = nn.Parameter(torch.ones(4, dtype=torch.bfloat16))
    steps = for_parameters(OptimiserOptions(learning_rate=0.5), [weight])
    weight.grad = torch.ones_like(weight)
    assert steps.clip(0.0) == 2.0
    steps.step()
    assert weight.tolist() == [0.5] * 4


def test_a_norm_whose_square_no_float32_holds_is_finite():
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.full((2,), 1e30)
    assert for_parameters(OptimiserOptions(), [weight]).clip(0.0) == pytest.approx(2**0.5 * 1e30)


def test_weights_that_are_put_elsewhere_are_found_there():
    weight = nn.Parameter(torch.zeros(2))
    steps = for_parameters(OptimiserOptions(learning_rate=1.0), [weight])
    for elsewhere in (torch.ones(2), torch.full((2,), 5.0)):
        weight.data = elsewhere
        weight.grad = torch.ones(2)
        steps.step()
    assert elsewhere.tolist() == weight.tolist() == [4.0, 4.0]
