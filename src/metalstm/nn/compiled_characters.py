"""The kernels of the character encoders as functions of tensors."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from metalstm.nn.compiled import kernels

Array = np.ndarray[Any, Any]


def convolution_kernel() -> ModuleType:
    """`metalstm.kernels.characters`, imported when it is first used."""
    from metalstm.kernels import characters

    return characters


def lstm_kernel() -> ModuleType:
    """`metalstm.kernels.character_lstm`, imported when it is first used."""
    from metalstm.kernels import character_lstm

    return character_lstm


def convolution_maximum(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor
) -> Tensor | None:
    """Features `[distinct, filters]` of words, as `nn.characters.CharacterCNN` defines them.

    embedding `[characters, size]`, weight `[filters, size, width]`, bias `[filters]`. None: there is no kernel.
    """
    characters = kernels(convolution_kernel, embedding)
    if characters is None:
        return None
    read = spellings.contiguous().numpy(), lengths.contiguous().numpy()
    values: Tensor = _ConvolutionMaximum.apply(characters, read, embedding, weight, bias)  # type: ignore[no-untyped-call]
    return values


def last_states(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, directions: Sequence[Sequence[Tensor]]
) -> Tensor | None:
    """Features `[distinct, hidden * directions]` of words, as `nn.characters.CharacterLSTM` defines them.

    embedding `[characters, size]`; of each direction, the forward one first, W_x, W_h and b. None: there is no kernel.
    """
    module = kernels(lstm_kernel, embedding)
    if module is None:
        return None
    words = module.words_of(spellings.contiguous().numpy(), lengths.contiguous().numpy())
    weights = [weight for direction in directions for weight in direction]
    states: Tensor = _LastStates.apply(module, words, embedding, *weights)  # type: ignore[no-untyped-call]
    return states


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


class _LastStates(torch.autograd.Function):
    """`kernels.character_lstm` in each direction, and its gradient."""

    @staticmethod
    def forward(ctx: Any, module: ModuleType, words: Any, embedding: Tensor, *weights: Tensor) -> Tensor:
        table, *arrays = (parameter.detach().contiguous().numpy() for parameter in (embedding, *weights))
        ctx.module, ctx.words, ctx.table, ctx.directions = module, words, table, []
        states = []
        for first in range(0, len(arrays), 3):
            W_x, W_h, b = arrays[first : first + 3]
            state, run = module.forward(words, table, W_x, W_h, b, backwards=first > 0)
            states.append(state)
            ctx.directions.append((W_x, W_h, run))
        return torch.from_numpy(np.concatenate(states, axis=1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        d_table, d_weights = np.zeros_like(ctx.table), []
        d_states = np.split(gradient.contiguous().numpy(), len(ctx.directions), axis=1)
        for number, ((W_x, W_h, run), d_state) in enumerate(zip(ctx.directions, d_states, strict=True)):
            found = ctx.module.backward(d_state, run, ctx.words, ctx.table, W_x, W_h, backwards=number > 0)
            d_table += found[0]
            d_weights += found[1:]
        return None, None, *map(torch.from_numpy, (d_table, *d_weights))
