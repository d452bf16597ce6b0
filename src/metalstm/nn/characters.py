"""From the spelling of a word to a vector."""

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from metalstm.errors import UserError
from metalstm.nn import compiled_characters
from metalstm.nn.batch import real
from metalstm.nn.embeddings import random_embedding
from metalstm.nn.options import CharacterOptions, Kernels


class CharacterEncoder(nn.Module):
    """`module(spellings [distinct, characters], lengths [distinct]) -> [distinct, size]`; padding is never read."""

    kernels: Kernels = "auto"
    """Whether an encoder that has a kernel uses it."""

    def __init__(self, size: int) -> None:
        """Say how many features a word gets."""
        super().__init__()
        self.size = size


class CharacterCNN(CharacterEncoder):
    """A convolution over character embeddings and its maximum over the word.

    dos Santos and Zadrozny 2014, 'Learning Character-level Representations for Part-of-Speech Tagging', equation 2.
    A filter stands centred on each character in turn and reads zeros beyond the word's ends, so a word may be shorter
    than the filter.
    """

    def __init__(self, alphabet_size: int, options: CharacterOptions) -> None:
        """Weights are drawn from torch's default generator."""
        super().__init__(options.size)
        self.embedding = random_embedding(alphabet_size, options.embedding_size)
        self.convolution = nn.Conv1d(options.embedding_size, options.size, options.width, padding=options.width // 2)

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """Features `[distinct, size]`: r_j = max_m (W z_m + b)_j, where z_m are the characters about position m."""
        if self.kernels == "auto":
            weight, bias = self.convolution.weight, cast(Tensor, self.convolution.bias)
            looked_up = compiled_characters.convolution_maximum(spellings, lengths, self.embedding.weight, weight, bias)
            if looked_up is not None:
                return looked_up
        padding = ~real(lengths, spellings.shape[1])
        embedded = self.embedding(spellings).masked_fill(padding[:, :, None], 0.0)
        filtered: Tensor = self.convolution(embedded.transpose(1, 2))
        return filtered.masked_fill(padding[:, None, :], -math.inf).max(dim=2).values


class CharacterLSTM(CharacterEncoder):
    """The last states of an LSTM that reads the word forwards and of one that reads it backwards (Lample 2016)."""

    def __init__(self, alphabet_size: int, options: CharacterOptions) -> None:
        """Weights are drawn from torch's default generator."""
        super().__init__(options.size)
        self.embedding = random_embedding(alphabet_size, options.embedding_size)
        self.lstm = nn.LSTM(options.embedding_size, options.size // 2, batch_first=True, bidirectional=True)

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """Features `[distinct, size]`: the forward direction's first, then the backward direction's."""
        packed = pack_padded_sequence(self.embedding(spellings), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)
        return torch.cat([last[0], last[1]], dim=1)


class NoCharacters(CharacterEncoder):
    """No features at all: the tagger sees words only."""

    def __init__(self, alphabet_size: int, options: CharacterOptions) -> None:
        """Take the arguments of the others and need none."""
        super().__init__(0)

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        """A tensor `[distinct, 0]`."""
        return torch.empty(len(spellings), 0, device=spellings.device)


ENCODERS: dict[str, Callable[[int, CharacterOptions], CharacterEncoder]] = {
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
    encoder = ENCODERS[name](alphabet_size, options)
    encoder.kernels = kernels
    return encoder
