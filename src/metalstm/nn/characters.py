"""From the spelling of a word to a vector."""

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from metalstm.errors import UserError
from metalstm.nn import compiled_characters
from metalstm.nn.batch import real
from metalstm.nn.cells import recurrent
from metalstm.nn.compiled import differentiable
from metalstm.nn.compiled_characters import Made
from metalstm.nn.embeddings import random_embedding
from metalstm.nn.options import CharacterOptions, Kernels

if TYPE_CHECKING:
    from metalstm.nn.cells.lstm import LSTM


class CharacterEncoder(nn.Module):
    """`module(spellings [distinct, characters], lengths [distinct]) -> [distinct, size]`; padding is never read."""

    def __init__(self, size: int, kernels: Kernels) -> None:
        """Say how many features a word gets, and whether an encoder that has a kernel uses it."""
        super().__init__()
        self.size = size
        self.kernels = kernels

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """Features `[distinct, size]`, by the kernel if that can be."""
        made = self.made(spellings, lengths) if self.kernels == "auto" else None
        return self.plain(spellings, lengths) if made is None else differentiable(*made, *self.weights())

    def plain(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """The features by operations of torch: the reference of the kernel."""
        raise NotImplementedError

    def made(self, spellings: Tensor, lengths: Tensor) -> Made | None:
        """The features by the kernel, and the way back to `weights`; None if there is no kernel."""
        raise NotImplementedError

    def weights(self) -> list[Tensor]:
        """What is learned, in the order of the gradients that the kernel gives."""
        raise NotImplementedError


class CharacterCNN(CharacterEncoder):
    """A convolution over character embeddings and its maximum over the word.

    dos Santos and Zadrozny 2014, 'Learning Character-level Representations for Part-of-Speech Tagging', equation 2.
    A filter stands centred on each character in turn and reads zeros beyond the word's ends, so a word may be shorter
    than the filter.
    """

    def __init__(self, alphabet_size: int, options: CharacterOptions, kernels: Kernels = "auto") -> None:
        """Weights are drawn from torch's default generator."""
        super().__init__(options.size, kernels)
        self.embedding = random_embedding(alphabet_size, options.embedding_size)
        self.convolution = nn.Conv1d(options.embedding_size, options.size, options.width, padding=options.width // 2)

    def weights(self) -> list[Tensor]:
        """Of the embedding, and of the convolution weight and bias."""
        return [self.embedding.weight, self.convolution.weight, cast(Tensor, self.convolution.bias)]

    def made(self, spellings: Tensor, lengths: Tensor) -> Made | None:
        """See `compiled_characters.convolution_maximum`."""
        return compiled_characters.convolution_maximum(spellings, lengths, *self.weights())

    def plain(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """r_j = max_m (W z_m + b)_j, where z_m are the characters about position m."""
        padding = ~real(lengths, spellings.shape[1])
        embedded = self.embedding(spellings).masked_fill(padding[:, :, None], 0.0)
        filtered: Tensor = self.convolution(embedded.transpose(1, 2))
        return filtered.masked_fill(padding[:, None, :], -math.inf).max(dim=2).values


class CharacterLSTM(CharacterEncoder):
    """The last states of an LSTM that reads the word forwards and of one that reads it backwards (Lample 2016)."""

    def __init__(self, alphabet_size: int, options: CharacterOptions, kernels: Kernels = "auto") -> None:
        """Weights are drawn from torch's default generator."""
        super().__init__(options.size, kernels)
        self.embedding = random_embedding(alphabet_size, options.embedding_size)
        self.lstm = recurrent("lstm", options.embedding_size, options.size // 2, kernels=kernels)

    def weights(self) -> list[Tensor]:
        """Of the embedding, and of each direction W_x, W_h and b."""
        return [self.embedding.weight, *chain.from_iterable(self._directions())]

    def made(self, spellings: Tensor, lengths: Tensor) -> Made | None:
        """See `compiled_characters.last_states`."""
        return compiled_characters.last_states(spellings, lengths, self.embedding.weight, self._directions())

    def _directions(self) -> list[tuple[Tensor, ...]]:
        return [(cell.W_x, cell.W_h, cell.b) for cell in cast("Sequence[LSTM]", self.lstm.layers[0])]

    def plain(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """The forward direction's features first, then the backward direction's."""
        states = self.lstm(self.embedding(spellings), lengths)
        words, half = torch.arange(len(lengths), device=lengths.device), self.size // 2
        return torch.cat([states[words, lengths - 1, :half], states[:, 0, half:]], dim=1)


class NoCharacters(CharacterEncoder):
    """No features at all: the tagger sees words only."""

    def __init__(self, alphabet_size: int, options: CharacterOptions, kernels: Kernels = "auto") -> None:
        """Take the arguments of the others and need none."""
        super().__init__(0, kernels)

    def weights(self) -> list[Tensor]:
        """None."""
        return []

    def made(self, spellings: Tensor, lengths: Tensor) -> Made | None:
        """No kernel."""
        return None

    def plain(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """A tensor `[distinct, 0]`."""
        return torch.empty(len(spellings), 0, device=spellings.device)


ENCODERS: dict[str, Callable[[int, CharacterOptions, Kernels], CharacterEncoder]] = {
    "cnn": CharacterCNN,
    "lstm": CharacterLSTM,
    "none": NoCharacters,
}


def character_encoder(
    name: str, alphabet_size: int, options: CharacterOptions, kernels: Kernels = "auto"
) -> CharacterEncoder:
    """The encoder of that name for ids below `alphabet_size`; UserError for an unknown name."""
    if name not in ENCODERS:
        raise UserError(f"no character encoder is called {name!r}: choose one of {', '.join(ENCODERS)}")
    return ENCODERS[name](alphabet_size, options, kernels)
