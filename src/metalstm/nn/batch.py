"""Sentences as the tensors a tagger reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from metalstm.nn.lexicon import PADDING, Lexicon


@dataclass(frozen=True, slots=True)
class Batch:
    """Some sentences side by side; every tensor is int64."""

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
    labels: Tensor | None
    """[batch, time] gold labels, 0 on padding."""
    corpus: Tensor
    """[batch] the corpus a sentence comes from; 0 for a model that knows of no corpora."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(
            words=self.words.to(device),
            lengths=self.lengths.to(device),
            spellings=self.spellings.to(device),
            spelling_lengths=self.spelling_lengths.to(device),
            spelling_of=self.spelling_of.to(device),
            labels=None if self.labels is None else self.labels.to(device),
            corpus=self.corpus.to(device),
        )


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
    if not tokens or not all(tokens):
        raise ValueError("a batch needs at least one sentence, and a sentence at least one token")
    if labels is not None and [len(sentence) for sentence in labels] != [len(sentence) for sentence in tokens]:
        raise ValueError("every token needs one label")
    if corpora is not None and len(corpora) != len(tokens):
        raise ValueError("every sentence needs one corpus")

    distinct: dict[str, int] = {}
    spelling_of = [[distinct.setdefault(word, len(distinct)) for word in sentence] for sentence in tokens]
    if "" in distinct:
        raise ValueError("a token is empty")
    word_ids = [lexicon.word_id(word) for word in distinct]
    spellings = [lexicon.spelling(word) for word in distinct]
    return Batch(
        words=_padded([[word_ids[row] for row in sentence] for sentence in spelling_of]),
        lengths=torch.tensor([len(sentence) for sentence in tokens]),
        spellings=_padded(spellings),
        spelling_lengths=torch.tensor([len(spelling) for spelling in spellings]),
        spelling_of=_padded(spelling_of),
        labels=None if labels is None else _padded([[lexicon.label_id(name) for name in names] for names in labels]),
        corpus=_corpus_ids(lexicon, corpora, len(tokens)),
    )


def real(lengths: Tensor, time: int) -> Tensor:
    """True where a sequence has an element, False on padding: `[batch, time]` from lengths `[batch]`."""
    return torch.arange(time, device=lengths.device) < lengths[:, None]


def _padded(rows: list[list[int]]) -> Tensor:
    longest = max(map(len, rows))
    return torch.from_numpy(np.array([row + [PADDING] * (longest - len(row)) for row in rows], dtype=np.int64))


def _corpus_ids(lexicon: Lexicon, corpora: Sequence[str] | None, sentences: int) -> Tensor:
    if corpora is None or not lexicon.corpora:
        return torch.zeros(sentences, dtype=torch.int64)
    return torch.tensor([lexicon.corpus_id(corpus) for corpus in corpora])
