"""The sentences of one epoch, in a new order and with little padding."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from metalstm.errors import UserError
from metalstm.nn import batch
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.lexicon import Lexicon

POOL = 50
"""Batches among which sentences are sorted by length: enough to spare most padding, and few enough
that a sentence meets new neighbours in every epoch."""


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence to learn from, and the corpus (or, in a joint corpus, the group) it stands in."""

    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    corpus: str


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences that share batches with one another only, such as those of one corpus."""

    rows: Sequence[int]
    """Their numbers."""
    drawn: int
    """How many of them an epoch has: all, or a random choice, or all and some of them once more."""


def number(sentences: Sequence[Example], lexicon: Lexicon) -> Numbered:
    """Sentences as numbers, once for all epochs; UserError if there are none."""
    if not sentences:
        raise UserError("there is no sentence to train on: check the train files of the corpora")
    return batch.number(
        lexicon,
        [sentence.tokens for sentence in sentences],
        [sentence.labels for sentence in sentences],
        [sentence.corpus for sentence in sentences],
    )


def whole(sentences: Numbered) -> list[Part]:
    """Every sentence once, in batches of any of them."""
    return [Part(range(len(sentences.lengths)), len(sentences.lengths))]


def by_corpus(sentences: Numbered, alpha: float = 1.0) -> list[Part]:
    """A part for each corpus, which together have about as many sentences as there are.

    A corpus of n sentences has a share proportional to n ** `alpha`, exact but for rounding and never empty; with 1
    it has just its own sentences, each once. Its batches hold no sentence of another, so that one output layer and
    one CRF serve a whole batch.
    """
    members = [np.flatnonzero(sentences.corpus == corpus).tolist() for corpus in np.unique(sentences.corpus)]
    weights = [len(rows) ** alpha for rows in members]
    a_weight = len(sentences.lengths) / sum(weights)
    return [Part(rows, max(1, round(weight * a_weight))) for rows, weight in zip(members, weights, strict=True)]


def of_corpus(sentences: Numbered, corpus: int) -> list[Part]:
    """Every sentence of the corpus with this number once."""
    rows = np.flatnonzero(sentences.corpus == corpus).tolist()
    return [Part(rows, len(rows))]


def num_batches(parts: Sequence[Part], batch_size: int) -> int:
    """How many batches an epoch has."""
    return sum(math.ceil(part.drawn / batch_size) for part in parts)


def batches(sentences: Numbered, parts: Sequence[Part], batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """The sentences of one epoch, `batch_size` at a time, longest first within a batch.

    The order is drawn from `generator` alone, which moves on: the next call gives another order, and
    a generator in the same state the same one.
    """
    for rows in epoch_order(sentences.lengths.tolist(), parts, batch_size, generator):
        yield sentences.batch(rows)


def epoch_order(
    lengths: Sequence[int], parts: Sequence[Part], batch_size: int, generator: torch.Generator
) -> list[list[int]]:
    """The sentences' numbers, batch by batch: shuffled and sorted in pools, part by part; then batches are shuffled."""
    ordered: list[list[int]] = []
    for part in parts:
        shuffled = _drawn(part, generator)
        for start in range(0, len(shuffled), POOL * batch_size):
            pool = sorted(shuffled[start : start + POOL * batch_size], key=lambda row: -lengths[row])
            ordered += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    return [ordered[place] for place in torch.randperm(len(ordered), generator=generator).tolist()]


def _drawn(part: Part, generator: torch.Generator) -> list[int]:
    """Rows in random order, none of them once more before each was taken."""
    drawn: list[int] = []
    while len(drawn) < part.drawn:
        places: list[int] = torch.randperm(len(part.rows), generator=generator).tolist()
        drawn += [part.rows[place] for place in places[: part.drawn - len(drawn)]]
    return drawn
