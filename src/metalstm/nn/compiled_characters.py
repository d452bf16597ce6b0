"""The kernel of the character CNN as a function of tensors."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from metalstm.nn.compiled import kernels


def convolution_maximum(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor
) -> Tensor | None:
    """Features `[distinct, filters]` of words, as `nn.characters.CharacterCNN` defines them.

    embedding `[characters, size]`, weight `[filters, size, width]`, bias `[filters]`. None: there is no kernel.
    """
    characters = kernels("characters", embedding)
    if characters is None:
        return None
    filters, size, width = weight.shape
    by_place = weight.permute(2, 0, 1).reshape(width * filters, size)
    table = functional.linear(embedding, by_place).view(-1, width, filters)
    values: Tensor = _Greatest.apply(characters, spellings, lengths, table, bias)
    return values


class _Greatest(torch.autograd.Function):
    """`kernels.characters.greatest` and its gradient."""

    @staticmethod
    def forward(
        ctx: Any, characters: ModuleType, spellings: Tensor, lengths: Tensor, table: Tensor, bias: Tensor
    ) -> Tensor:
        read = spellings.contiguous().numpy(), lengths.contiguous().numpy()
        values, centres = characters.greatest(table.detach().numpy(), bias.detach().numpy(), *read)
        ctx.kept = characters, centres, *read
        ctx.save_for_backward(table)
        return torch.from_numpy(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        characters, *kept = ctx.kept
        (table,) = ctx.saved_tensors
        d_table = characters.table_gradient(gradient.contiguous().numpy(), *kept, table.detach().numpy())
        return None, None, None, torch.from_numpy(d_table), gradient.sum(dim=0)
