"""The kernel of the character CNN as a function of tensors."""

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from metalstm.nn.compiled import kernels

Array = np.ndarray[Any, Any]


def kernel() -> ModuleType:
    """`metalstm.kernels.characters`, imported when it is first used."""
    from metalstm.kernels import characters

    return characters


def convolution_maximum(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor
) -> Tensor | None:
    """Features `[distinct, filters]` of words, as `nn.characters.CharacterCNN` defines them.

    embedding `[characters, size]`, weight `[filters, size, width]`, bias `[filters]`. None: there is no kernel.
    """
    characters = kernels(kernel, embedding)
    if characters is None:
        return None
    read = spellings.contiguous().numpy(), lengths.contiguous().numpy()
    values: Tensor = _ConvolutionMaximum.apply(characters, read, embedding, weight, bias)  # type: ignore[no-untyped-call]
    return values


class _ConvolutionMaximum(torch.autograd.Function):
    """`kernels.characters.greatest` and its gradient."""

    @staticmethod
    def forward(
        ctx: Any, characters: ModuleType, read: tuple[Array, Array], embedding: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        arrays = [parameter.detach().contiguous().numpy() for parameter in (embedding, weight, bias)]
        values, centres, by_place = characters.greatest(*arrays, *read)
        ctx.characters, ctx.kept = characters, (centres, *read, arrays[0], by_place)
        return torch.from_numpy(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.characters.gradient(gradient.contiguous().numpy(), *ctx.kept)
        return None, None, *map(torch.from_numpy, found)
