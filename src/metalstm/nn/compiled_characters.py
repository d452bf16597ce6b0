"""The kernels of the character encoders, from spellings to arrays of features and back."""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
from torch import Tensor

from metalstm.nn.compiled import Array, Pullback, array, kernels


def convolution_kernel() -> ModuleType:
    """`metalstm.kernels.characters`, imported when it is first used."""
    from metalstm.kernels import characters

    return characters


def lstm_kernel() -> ModuleType:
    """`metalstm.kernels.character_lstm`, imported when it is first used."""
    from metalstm.kernels import character_lstm

    return character_lstm


Made = tuple[Array, Pullback]
"""Features of words, and the way back to the weights."""


def convolution_maximum(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, weight: Tensor, bias: Tensor
) -> Made | None:
    """Features `[distinct, filters]` of words, as `nn.characters.CharacterCNN` defines them.

    embedding `[characters, size]`, weight `[filters, size, width]`, bias `[filters]`. None: there is no kernel.
    """
    characters = kernels(convolution_kernel, embedding)
    if characters is None:
        return None
    read = array(spellings), array(lengths)
    table = array(embedding)
    values, centres, by_place = characters.greatest(table, array(weight), array(bias), *read)
    return values, lambda d: characters.gradient(d, centres, *read, table, by_place)


def last_states(
    spellings: Tensor, lengths: Tensor, embedding: Tensor, directions: Sequence[Sequence[Tensor]]
) -> Made | None:
    """Features `[distinct, hidden * directions]` of words, as `nn.characters.CharacterLSTM` defines them.

    embedding `[characters, size]`; of each direction, the forward one first, W_x, W_h and b. None: there is no kernel.
    """
    module = kernels(lstm_kernel, embedding)
    if module is None:
        return None
    words, table = module.words_of(array(spellings), array(lengths)), array(embedding)
    weights = [[array(weight) for weight in direction] for direction in directions]
    read = [module.forward(words, table, *own, backwards=number > 0) for number, own in enumerate(weights)]

    def back(d_features: Array) -> list[Array]:
        d_table, d_weights = np.zeros_like(table), []
        of_directions = zip(weights, read, np.split(d_features, len(read), axis=1), strict=True)
        for number, ((W_x, W_h, _), (_, run), d_state) in enumerate(of_directions):
            found = module.backward(d_state, run, words, table, W_x, W_h, backwards=number > 0)
            d_table += found[0]
            d_weights += found[1:]
        return [d_table, *d_weights]

    return np.concatenate([states for states, _ in read], axis=1), back
