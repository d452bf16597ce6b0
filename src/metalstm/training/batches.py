"""The sentences of one epoch, in a new order and with little padding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

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


def number(sentences: Sequence[Example], lexicon: Lexicon) -> Numbered:
    """Sentences as numbers, once for all epochs."""
    return batch.number(
        lexicon,
        [sentence.tokens for sentence in sentences],
        [sentence.labels for sentence in sentences],
        [sentence.corpus for sentence in sentences],
    )


def batches(sentences: Numbered, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Every sentence once, `batch_size` at a time, longest first within a batch.

    The order is drawn from `generator` alone, which moves on: the next call gives another order, and
    a generator in the same state the same one.
    """
    for rows in epoch_order(sentences.lengths.tolist(), batch_size, generator):
        yield sentences.batch(rows)


def epoch_order(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """The sentences' numbers, batch by batch: shuffled, sorted in pools, the batches shuffled again."""
    shuffled: list[int] = torch.randperm(len(lengths), generator=generator).tolist()
    ordered: list[list[int]] = []
    for start in range(0, len(shuffled), POOL * batch_size):
        pool = sorted(shuffled[start : start + POOL * batch_size], key=lambda row: -lengths[row])
        ordered += [pool[first : first + batch_size] for first in range(0, len(pool), batch_size)]
    return [ordered[place] for place in torch.randperm(len(ordered), generator=generator).tolist()]
