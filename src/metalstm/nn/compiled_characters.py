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
    """The table's product, `kernels.characters.greatest`, and the gradients of both."""

    @staticmethod
    def forward(
        ctx: Any, characters: ModuleType, read: tuple[Array, Array], embedding: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        filters, size, width = weight.shape
        by_place = weight.detach().permute(2, 0, 1).reshape(width * filters, size)
        table = (embedding.detach() @ by_place.t()).view(-1, width, filters)
        values, centres = characters.greatest(table.numpy(), bias.detach().numpy(), *read)
        ctx.characters, ctx.kept, ctx.table_shape = characters, (centres, *read), table.shape
        ctx.save_for_backward(embedding, by_place)
        return torch.from_numpy(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedding, by_place = ctx.saved_tensors
        alphabet, width, filters = ctx.table_shape
        d_table, d_bias = ctx.characters.gradient(gradient.contiguous().numpy(), *ctx.kept, alphabet, width)
        by_character = torch.from_numpy(d_table).view(alphabet, width * filters)
        d_weight = (by_character.t() @ embedding).view(width, filters, -1).permute(1, 2, 0)
        return None, None, by_character @ by_place, d_weight, torch.from_numpy(d_bias)
