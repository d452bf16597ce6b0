"""The features that a tagger's frozen language model gives the tokens of a sentence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from metalstm.errors import UserError
from metalstm.nn.batch import Array, Batch, Numbered, real
from metalstm.nn.language_model import ContextualVectors
from metalstm.nn.lexicon import RESERVED
from metalstm.nn.options import ContextOptions, Kernels
from metalstm.nn.pooling import pooled

AS_UNKNOWN, BY_VECTOR, UNREAD = 0, 1, 2
"""How the language model reads a word: as one without a vector, by its vector, or not at all (a task tag)."""

SENTENCES_AT_ONCE = 64
TOKENS_AT_ONCE = 1000
"""On a CPU, padding included; a longer sentence is read alone."""


class SentenceContext(nn.Module):
    """Contextual vectors of the words of a frozen table; those of sentences met again and again are kept.

    They are rounded to 16 bits, kept or not, so that either way a sentence has the same features. With a pooling window
    the means over the words' other places nearby follow them (`metalstm.nn.pooling`), twice as many values in all.
    """

    readings: Tensor

    def __init__(self, words: int, word_size: int, options: ContextOptions, kernels: Kernels, window: int = 0) -> None:
        """For a table of `words` rows; it reads none of them before `begin` or a file has said which have a vector.

        window: sentences before and after over which features are pooled, 0 for not at all.
        """
        super().__init__()
        self.size = 2 * options.size if window else options.size
        self._window = window
        self.vectors = ContextualVectors(word_size, options, kernels).requires_grad_(False)
        self.register_buffer("readings", torch.full((words,), AS_UNKNOWN, dtype=torch.uint8))
        self._vector_of = np.full(words, -1, dtype=np.int32)
        self._kept: dict[bytes, Array] = {}
        self._recalled: dict[bytes, tuple[Mapping[bytes, Array], bytes]] = {}
        """Of a sentence where its features are looked up, and by which key."""

    def begin(self, weights: Mapping[str, Tensor], vector_of: Array, unread: Iterable[int] = ()) -> None:
        """Take the weights of a language model over vectors of which each word of the table has that of this number.

        vector_of: `[words]`, -1 for a word without one. The rows `unread` are passed over. Raises UserError for a
        language model over other word vectors.
        """
        try:
            self.vectors.load_state_dict(weights)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"the language model is not one of this study's options; learn it anew: {reason}") from None
        self._vector_of = vector_of.astype(np.int32)
        self._vector_of[: len(RESERVED)] = -1
        self.readings.copy_(torch.from_numpy(np.where(self._vector_of >= 0, BY_VECTOR, AS_UNKNOWN)))
        self.readings[list(unread)] = UNREAD

    def read(self, sentences: Numbered) -> list[Array]:
        """Of each sentence the numbers of the vectors that are read of it, -1 for a word without one.

        Two sentences of which the same is read have the same features, whatever tagger asks.
        """
        return [self._vector_of[words[read]] for words, read in self._words(sentences)]

    def recall(self, sentences: Numbered, features: Mapping[bytes, Array]) -> None:
        """Take features `[tokens, size]` computed before, by the bytes of what `read` says of their sentence.

        They are looked up whenever they are needed, so that those of a file may stay there.
        """
        for words, read in self._words(sentences):
            key = self._vector_of[words[read]].tobytes()
            if key in features:
                self._recalled[_key(words)] = features, key

    def remember(self, sentences: Numbered, table: Tensor) -> None:
        """Compute and keep the features of those sentences of which none are known."""
        unknown = self._unknown(sentences)
        for row, values in zip(unknown, self.compute(sentences, unknown, table), strict=True):
            self._kept[_key(sentences.words(row))] = values

    def pool(self, sentences: Numbered, files: Sequence[int]) -> None:
        """With a window, average what is known of `sentences`, which their batches then hold.

        files: how many of the sentences each file has, one file after the other.
        """
        if not self._window:
            return
        means: list[Array] = []
        for first, end in pairwise(np.cumsum([0, *files]).tolist()):
            features = self._known([sentences.words(row) for row in range(first, end)])
            means += pooled(features, [sentences.spelled(row) for row in range(first, end)], self._window)
        sentences.pooled = np.concatenate(means)

    @contextmanager
    def reading(self, sentences: Numbered, table: Tensor) -> Iterator[None]:
        """While batches of the sentences of a file are read: with a window, its means are known.

        What had to be computed for that is kept until all have been read, and no longer.
        """
        if not self._window:
            yield
            return
        unknown = {_key(sentences.words(row)) for row in self._unknown(sentences)}
        self.remember(sentences, table)
        try:
            if sentences.pooled is None:
                self.pool(sentences, [len(sentences.lengths)])
            yield
        finally:
            for key in unknown:
                del self._kept[key]

    def _unknown(self, sentences: Numbered) -> list[int]:
        return [row for row in range(len(sentences.lengths)) if not self._is_known(_key(sentences.words(row)))]

    def _is_known(self, key: bytes) -> bool:
        return key in self._kept or key in self._recalled

    def _known(self, sentences: Sequence[Array]) -> list[Array]:
        """The features `[tokens, size]` of the words of some sentences, kept or recalled."""
        readings = self._readings()
        known = []
        for words in sentences:
            key = _key(words)
            if key in self._kept:
                known.append(self._kept[key])
            else:
                features, name = self._recalled[key]
                known.append(_placed(features[name], readings[words] != UNREAD))
        return known

    def compute(self, sentences: Numbered, rows: Sequence[int], table: Tensor) -> list[Array]:
        """The features `[tokens, size]` of each of these sentences; what is batched depends on nothing but them."""
        found: dict[int, Array] = {}
        order = sorted(rows, key=lambda row: -sentences.lengths[row])
        for first in range(0, len(order), SENTENCES_AT_ONCE):
            chosen = order[first : first + SENTENCES_AT_ONCE]
            batch = sentences.batch(chosen)
            values = self._computed(batch.to(table.device), table).numpy(force=True)
            for row, length, of_sentence in zip(chosen, batch.lengths.tolist(), values, strict=True):
                found[row] = of_sentence[:length].copy()
        return [found[row] for row in rows]

    def told(self, batch: Batch) -> Batch:
        """The batch with its sentences' features, if those of all are known; asked while the batch is on the CPU."""
        padded = zip(batch.words.numpy(), batch.lengths.tolist(), strict=True)
        sentences = [words[:length] for words, length in padded]
        if not all(self._is_known(_key(words)) for words in sentences):
            return batch
        features = np.zeros((*batch.words.shape, self.vectors.components.shape[1]), np.float16)
        for row, known in zip(features, self._known(sentences), strict=True):
            row[: len(known)] = known
        return replace(batch, contextual=torch.from_numpy(features))

    def forward(self, batch: Batch, table: Tensor) -> Tensor:
        """`[batch, time, size]` for a batch of words of `table`, zeros on what is not read.

        ValueError where features are pooled, and the batch does not hold the means.
        """
        own = (self._computed(batch, table) if batch.contextual is None else batch.contextual).to(table.dtype)
        if not self._window:
            return own
        if batch.pooled is None:
            raise ValueError("features are pooled over a file, so its sentences are to be read within `reading`")
        return torch.cat([own, batch.pooled.to(own)], dim=2)

    def _words(self, sentences: Numbered) -> Iterator[tuple[Array, Array]]:
        """The words of each sentence, as rows of the table, and which of them are read."""
        readings = self._readings()
        for row in range(len(sentences.lengths)):
            words = sentences.words(row)
            yield words, readings[words] != UNREAD

    def _readings(self) -> Array:
        """`[words]`, brought from another device once for all sentences that are asked for together."""
        readings: Array = self.readings.numpy(force=True)
        return readings

    def _computed(self, batch: Batch, table: Tensor) -> Tensor:
        """`[batch, time, size]`; on a CPU a few sentences at a time, for a language model has many states."""
        sentences = max(1, TOKENS_AT_ONCE // batch.words.shape[1]) if table.device.type == "cpu" else len(batch.words)
        parts = zip(torch.split(batch.words, sentences), torch.split(batch.lengths, sentences), strict=True)
        return torch.cat([self._read_together(words, lengths, table) for words, lengths in parts])

    @torch.no_grad()
    def _read_together(self, words: Tensor, lengths: Tensor, table: Tensor) -> Tensor:
        readings = self.readings[words]
        read = real(lengths, words.shape[1]) & (readings != UNREAD)
        # What is read moves to the front of its sentence, in its order, and its features back to where it stood.
        places = (~read).to(torch.uint8).argsort(dim=1, stable=True)
        vectors = functional.embedding(words.gather(1, places), table)
        found = self.vectors(vectors, readings.gather(1, places) == BY_VECTOR, read.sum(dim=1).clamp(min=1))
        features = torch.zeros_like(found).scatter(1, places.unsqueeze(2).expand_as(found), found)
        return features.masked_fill(~read.unsqueeze(2), 0.0).half()


def _placed(features: Array, read: Array) -> Array:
    """Those of what is read where it stands, and zeros elsewhere."""
    if read.all():
        return features
    placed = np.zeros((len(read), features.shape[1]), features.dtype)
    placed[read] = features
    return placed


def _key(words: Array) -> bytes:
    return words.astype(np.int32).tobytes()
