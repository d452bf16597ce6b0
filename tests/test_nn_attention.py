"""Self-attention with relative positions."""

import math

import pytest
import torch
from torch import Tensor

from metalstm.errors import UserError
from metalstm.nn.attention import RelativeSelfAttention
from metalstm.nn.batch import real


def attention(seed: int = 0) -> RelativeSelfAttention:
    torch.manual_seed(seed)
    module = RelativeSelfAttention(size=6, heads=2, max_distance=2).double()
    with torch.no_grad():
        module.distance_bias.normal_()
    return module


def slow(module: RelativeSelfAttention, inputs: Tensor) -> Tensor:
    """One sentence `[time, size]`, query by query and head by head."""
    size = inputs.shape[1]
    width = size // module.heads
    queries, keys, values = module.queries_keys_values(inputs).split(size, dim=1)
    rows = []
    for i in range(len(inputs)):
        heads = []
        for head in range(module.heads):
            part = slice(head * width, (head + 1) * width)
            logits = []
            for j in range(len(inputs)):
                distance = max(-module.max_distance, min(module.max_distance, j - i))
                bias = module.distance_bias[head, distance + module.max_distance]
                logits.append(queries[i, part] @ keys[j, part] / math.sqrt(width) + bias)
            heads.append(torch.stack(logits).softmax(0) @ values[:, part])
        rows.append(inputs[i] + module.output(torch.cat(heads)))
    return torch.stack(rows)


def test_equal_to_the_definition_on_ragged_batches() -> None:
    module, lengths = attention(), torch.tensor([7, 1, 4])
    inputs = torch.randn(3, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    outputs = module(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        assert torch.allclose(outputs[row, :length], slow(module, inputs[row, :length]), atol=1e-12)
        assert not outputs[row, length:].any()


def test_padding_is_never_read() -> None:
    module, lengths = attention(), torch.tensor([5, 2])
    clean = torch.randn(2, 5, 6, dtype=torch.float64)
    dirty = clean.masked_fill(~real(lengths, 5)[:, :, None], math.nan)
    gradients = []
    for inputs in (clean, dirty):
        module.zero_grad()
        module(inputs, lengths).square().sum().backward()
        gradients.append([parameter.grad for parameter in module.parameters()])
    assert torch.equal(module(clean, lengths), module(dirty, lengths))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True) if a is not None and b is not None)


def test_gradients_are_those_of_the_function() -> None:
    module, lengths = attention(), torch.tensor([4, 2])
    inputs = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: module(x, lengths), [inputs])


def test_without_its_output_layer_it_passes_its_input_on() -> None:
    module = attention()
    torch.nn.init.zeros_(module.output.weight)
    torch.nn.init.zeros_(module.output.bias)
    inputs = torch.randn(2, 3, 6, dtype=torch.float64)
    assert torch.equal(module(inputs, torch.tensor([3, 3])), inputs)


def test_heads_must_divide_the_features() -> None:
    with pytest.raises(UserError, match="heads is 4"):
        RelativeSelfAttention(size=6, heads=4, max_distance=2)
