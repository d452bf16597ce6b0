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
        values, centres, by_place = characters.greatest(*map(_array, (embedding, weight, bias)), *read)
        ctx.save_for_backward(embedding, weight)
        ctx.characters, ctx.read, ctx.by_place = characters, (centres, *read), by_place
        return torch.from_numpy(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedding, _ = ctx.saved_tensors
        found = ctx.characters.gradient(_array(gradient), *ctx.read, _array(embedding), ctx.by_place)
        return None, None, *map(torch.from_numpy, found)


class _LastStates(torch.autograd.Function):
    """`kernels.character_lstm` in each direction, and its gradient."""

    @staticmethod
    def forward(ctx: Any, module: ModuleType, words: Any, embedding: Tensor, *weights: Tensor) -> Tensor:
        ctx.save_for_backward(embedding, *weights)
        ctx.module, ctx.words, ctx.runs = module, words, []
        table, states = _array(embedding), []
        for number, (W_x, W_h, b) in enumerate(_by_direction(weights)):
            state, run = module.forward(words, table, W_x, W_h, b, backwards=number > 0)
            states.append(state)
            ctx.runs.append(run)
        return torch.from_numpy(np.concatenate(states, axis=1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        embedding, *weights = ctx.saved_tensors
        table, d_weights = _array(embedding), []
        d_table, d_states = np.zeros_like(table), np.split(_array(gradient), len(ctx.runs), axis=1)
        of_directions = zip(_by_direction(weights), ctx.runs, d_states, strict=True)
        for number, ((W_x, W_h, _), run, d_state) in enumerate(of_directions):
            found = ctx.module.backward(d_state, run, ctx.words, table, W_x, W_h, backwards=number > 0)
            d_table += found[0]
            d_weights += found[1:]
        return None, None, *map(torch.from_numpy, (d_table, *d_weights))


def _by_direction(weights: Sequence[Tensor]) -> list[list[Array]]:
    """W_x, W_h and b of each direction."""
    return [[_array(weight) for weight in weights[first : first + 3]] for first in range(0, len(weights), 3)]


def _array(tensor: Tensor) -> Array:
    return tensor.detach().contiguous().numpy()
