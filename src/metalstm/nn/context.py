"""The features that a tagger's frozen language model gives the tokens of a sentence."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from metalstm.errors import UserError
from metalstm.nn.batch import Array, Batch, Numbered, real
from metalstm.nn.language_model import ContextualVectors
from metalstm.nn.lexicon import RESERVED
from metalstm.nn.options import ContextOptions, Kernels

AS_UNKNOWN, BY_VECTOR, UNREAD = 0, 1, 2
"""How the language model reads a word: as one without a vector, by its vector, or not at all (a task tag)."""

SENTENCES_AT_ONCE = 64


class SentenceContext(nn.Module):
    """Contextual vectors of the words of a frozen table; those of sentences met again and again are kept.

    They are rounded to 16 bits, kept or not, so that either way a sentence has the same features.
    """

    readings: Tensor

    def __init__(self, words: int, word_size: int, options: ContextOptions, kernels: Kernels) -> None:
        """For a table of `words` rows; it reads none of them before `begin` or a file has said which have a vector."""
        super().__init__()
        self.size = options.size
        self.vectors = ContextualVectors(word_size, options, kernels).requires_grad_(False)
        self.register_buffer("readings", torch.full((words,), AS_UNKNOWN, dtype=torch.uint8))
        self._kept: dict[bytes, Array] = {}

    def begin(self, weights: Mapping[str, Tensor], known: Tensor, unread: Iterable[int]) -> None:
        """Take the weights of a language model; `known [words]` have a vector, and the rows `unread` are passed over.

        Raises UserError for a language model over other word vectors.
        """
        try:
            self.vectors.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"the language model is not one of this study's options; learn it anew: {reason}") from None
        self.readings.copy_(known)
        self.readings[: len(RESERVED)] = AS_UNKNOWN
        self.readings[list(unread)] = UNREAD

    def remember(self, sentences: Numbered, table: Tensor) -> None:
        """Compute the features of sentences once, in batches that depend on nothing but them."""
        order = np.argsort(-sentences.lengths, kind="stable")
        for first in range(0, len(order), SENTENCES_AT_ONCE):
            batch = sentences.batch(order[first : first + SENTENCES_AT_ONCE].tolist())
            keys, lengths = _keys(batch), batch.lengths.tolist()
            features = self._computed(batch.to(table.device), table).numpy(force=True)
            for key, length, values in zip(keys, lengths, features, strict=True):
                self._kept[key] = values[:length].copy()

    def forward(self, batch: Batch, table: Tensor) -> Tensor:
        """`[batch, time, size]` for a batch of words of `table`, zeros on what is not read."""
        keys = _keys(batch)
        if not all(key in self._kept for key in keys):
            return self._computed(batch, table).to(table.dtype)
        features = np.zeros((*batch.words.shape, self.size), np.float16)
        for row, key in zip(features, keys, strict=True):
            row[: len(self._kept[key])] = self._kept[key]
        return torch.from_numpy(features).to(table)

    @torch.no_grad()
    def _computed(self, batch: Batch, table: Tensor) -> Tensor:
        readings = self.readings[batch.words]
        read = real(batch.lengths, batch.words.shape[1]) & (readings != UNREAD)
        # What is read moves to the front of its sentence, in its order, and its features back to where it stood.
        places = (~read).to(torch.uint8).argsort(dim=1, stable=True)
        vectors = functional.embedding(batch.words.gather(1, places), table)
        found = self.vectors(vectors, readings.gather(1, places) == BY_VECTOR, read.sum(dim=1).clamp(min=1))
        features = torch.zeros_like(found).scatter(1, places.unsqueeze(2).expand_as(found), found)
        return features.masked_fill(~read.unsqueeze(2), 0.0).half()


def _keys(batch: Batch) -> list[bytes]:
    words = batch.words.numpy(force=True).astype(np.int32)
    return [row[:length].tobytes() for row, length in zip(words, batch.lengths.tolist(), strict=True)]
