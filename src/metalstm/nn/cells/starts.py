"""First values of weights. Weights of several gates are stacked in the first dimension."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

FORGET = 1
"""Place of the forget gate in the order i, f, g, o."""


@torch.no_grad()
def glorot_(weight: Tensor, gates: int) -> None:
    """Each gate's `[out, in]` block from Glorot and Bengio's (2010) uniform distribution."""
    for block in weight.chunk(gates):
        nn.init.xavier_uniform_(block)


@torch.no_grad()
def orthogonal_(weight: Tensor, gates: int) -> None:
    """Each gate's block orthogonal (Saxe 2014)."""
    for block in weight.chunk(gates):
        nn.init.orthogonal_(block)


@torch.no_grad()
def forget_bias_(bias: Tensor) -> None:
    """Zero, but 1 for the forget gate (Gers 2000; Jozefowicz 2015): memory is kept until the cell learns to forget."""
    bias.zero_()
    bias.chunk(4)[FORGET].fill_(1.0)


@torch.no_grad()
def uniform_(weights: Iterable[nn.Parameter], size: int) -> None:
    """Every weight from U(-1/sqrt(size), 1/sqrt(size)), torch's own start of recurrent layers."""
    bound = 1.0 / math.sqrt(size)
    for weight in weights:
        weight.uniform_(-bound, bound)


@torch.no_grad()
def scaled_uniform_(weight: Tensor, inputs: int) -> None:
    """Uniform with mean 0 and variance 1 / inputs, so that a sum over so many inputs keeps their scale."""
    bound = math.sqrt(3.0 / inputs)
    weight.uniform_(-bound, bound)
