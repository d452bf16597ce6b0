"""Sentences as the tensors a tagger reads."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metalstm.nn.lexicon import PADDING, UNKNOWN, Lexicon

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some sentences side by side; every tensor is int64 but `gazetteers`, `pooled` and `contextual`."""

    words: Tensor
    """[batch, time] rows of the word table, 0 on padding."""
    lengths: Tensor
    """[batch] tokens of each sentence, at least 1."""
    spellings: Tensor
    """[distinct, characters] each different word of the batch once, 0 on padding."""
    spelling_lengths: Tensor
    """[distinct] characters of each different word, at least 1."""
    spelling_of: Tensor
    """[batch, time] which row of `spellings` a token has; on padding row 0, which means nothing there."""
    spelled_words: Tensor
    """[distinct] the row of the word table of each different word."""
    labels: Tensor | None
    """[batch, time] gold labels, 0 on padding; numbered within their corpus where the lexicon does so."""
    corpus: Tensor
    """[batch] the corpus a sentence comes from; 0 for a model that knows of no corpora. It stays on the CPU."""
    gazetteers: Tensor
    """[batch, time, lists] uint8, the place of a token in a name of each list; 0 outside of names and on padding."""
    pooled: Tensor | None = None
    """[batch, time, size] float16, contextual vectors of each word averaged over its file; 0 on padding."""
    contextual: Tensor | None = None
    """[batch, time, size] float16, contextual vectors where all were known before; 0 on padding."""

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device, without a wait for it."""
        if self.words.device == device:
            return self
        tensors = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "corpus"}
        there = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in there.items()})


def collate(
    lexicon: Lexicon,
    tokens: Sequence[Sequence[str]],
    labels: Sequence[Sequence[str]] | None = None,
    corpora: Sequence[str] | None = None,
) -> Batch:
    """Number and pad sentences, in the order given.

    `corpora` names the corpus of each sentence; a lexicon without corpora leaves the names unread. Raises UserError
    for a label or a corpus that the lexicon does not know, and ValueError for a batch, a sentence or a token that is
    empty and for labels or corpora that do not fit the tokens.
    """
    return number(lexicon, tokens, labels, corpora).batch(range(len(tokens)))


def number(
    lexicon: Lexicon,
    tokens: Sequence[Sequence[str]],
    labels: Sequence[Sequence[str]] | None = None,
    corpora: Sequence[str] | None = None,
) -> "Numbered":
    """Look every token up once, for many batches of the same sentences; arguments and errors as in `collate`."""
    if not tokens or not all(tokens):
        raise ValueError("a batch needs at least one sentence, and a sentence at least one token")
    if labels is not None and [len(sentence) for sentence in labels] != [len(sentence) for sentence in tokens]:
        raise ValueError("every token needs one label")
    if corpora is not None and len(corpora) != len(tokens):
        raise ValueError("every sentence needs one corpus")

    distinct: dict[str, int] = {}
    spelling_of = [distinct.setdefault(word, len(distinct)) for sentence in tokens for word in sentence]
    if "" in distinct:
        raise ValueError("a token is empty")
    spellings = [lexicon.spelling(word) for word in distinct]
    spelling_lengths = np.array([len(spelling) for spelling in spellings])
    padded = np.full((len(spellings), spelling_lengths.max()), PADDING, dtype=np.int32)  # half of the memory
    padded[np.arange(padded.shape[1]) < spelling_lengths[:, None]] = list(chain.from_iterable(spellings))
    corpus = _corpus_ids(lexicon, corpora, len(tokens))
    return Numbered(
        lengths=np.array([len(sentence) for sentence in tokens]),
        spelling_of=np.array(spelling_of),
        words=np.array([lexicon.word_id(word) for word in distinct]),
        spellings=padded,
        spelling_lengths=spelling_lengths,
        labels=None if labels is None else _label_ids(lexicon, labels, corpus),
        corpus=corpus,
        gazetteers=lexicon.gazetteers.places(tokens),
    )


class Numbered:
    """Sentences as numbers, one token after the other, of which batches are made without a look at their text."""

    def __init__(
        self,
        *,
        lengths: Array,
        spelling_of: Array,
        words: Array,
        spellings: Array,
        spelling_lengths: Array,
        labels: Array | None,
        corpus: Array,
        gazetteers: Array,
    ) -> None:
        """The arrays are those of a `Batch`, but of tokens `[tokens]`, sentence by sentence; words `[distinct]`."""
        self.lengths = lengths
        self._starts = np.cumsum(lengths) - lengths
        self._spelling_of = spelling_of
        self._words = words
        self._spellings = spellings
        self._spelling_lengths = spelling_lengths
        self._labels = labels
        self.corpus = corpus
        self._gazetteers = gazetteers
        self.pooled: Array | None = None
        """`[tokens, size]` of all sentences, once a tagger has said what these are (`SentenceContext.pool`)."""
        self._first_place = np.empty(len(words), dtype=np.int64)

    @property
    def num_words(self) -> int:
        """One more than the last row of the word table that a sentence reads, in training or not."""
        return max(UNKNOWN, int(self._words.max())) + 1

    def words(self, row: int) -> Array:
        """The words of one sentence, `[tokens]` rows of the word table."""
        return self._words[self.spelled(row)]

    def spelled(self, row: int) -> Array:
        """The words of one sentence as they are written, `[tokens]`: the same number for the same characters."""
        start = self._starts[row]
        spelling_of: Array = self._spelling_of[start : start + self.lengths[row]]
        return spelling_of

    def batch(self, rows: Sequence[int]) -> Batch:
        """The sentences of these numbers side by side, in the order given."""
        chosen = np.array(rows)
        lengths = self.lengths[chosen]
        inside = np.arange(lengths.max()) < lengths[:, None]
        tokens = (self._starts[chosen, None] + np.arange(lengths.max()))[inside]

        # Every different word gets a row at the first of the places where it stands; written from the last place to
        # the first, the table of all words keeps just that one.
        words = self._spelling_of[tokens]
        places = np.arange(len(words))
        self._first_place[words[::-1]] = places[::-1]
        first_place = self._first_place[words]
        opens = first_place == places
        distinct = words[opens]
        spelling_of = (np.cumsum(opens) - 1)[first_place]
        spelling_lengths = self._spelling_lengths[distinct]

        return Batch(
            words=torch.from_numpy(_padded(self._words[words], inside)),
            lengths=torch.from_numpy(lengths),
            spellings=torch.from_numpy(self._spellings[distinct, : spelling_lengths.max()].astype(np.int64)),
            spelling_lengths=torch.from_numpy(spelling_lengths),
            spelling_of=torch.from_numpy(_padded(spelling_of, inside)),
            spelled_words=torch.from_numpy(self._words[distinct]),
            labels=None if self._labels is None else torch.from_numpy(_padded(self._labels[tokens], inside)),
            corpus=torch.from_numpy(self.corpus[chosen]),
            gazetteers=torch.from_numpy(_padded(self._gazetteers[tokens], inside)),
            pooled=None if self.pooled is None else torch.from_numpy(_padded(self.pooled[tokens], inside)),
        )


def _padded(values: Array, inside: Array) -> Array:
    """What stands at the tokens that are `inside [batch, time]`, with 0, the number of padding, elsewhere."""
    result = np.full((*inside.shape, *values.shape[1:]), PADDING, values.dtype)
    result[inside] = values
    return result


def real(lengths: Tensor, time: int) -> Tensor:
    """True where a sequence has an element, False on padding: `[batch, time]` from lengths `[batch]`."""
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def _label_ids(lexicon: Lexicon, labels: Sequence[Sequence[str]], corpus: Array) -> Array:
    numbered = list(zip(labels, corpus.tolist(), strict=True))
    ids = {
        (name, number): lexicon.label_id(name, number)
        for name, number in dict.fromkeys((name, number) for names, number in numbered for name in names)
    }
    return np.array([ids[name, number] for names, number in numbered for name in names])


def _corpus_ids(lexicon: Lexicon, corpora: Sequence[str] | None, sentences: int) -> Array:
    if corpora is None or not lexicon.corpora:
        return np.zeros(sentences, dtype=np.int64)
    return np.array([lexicon.corpus_id(corpus) for corpus in corpora])
