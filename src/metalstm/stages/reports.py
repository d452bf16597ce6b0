"""What the stages that score have in common: reading what a training left, and reporting on the splits of a corpus."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from metalstm.corpora import columns
from metalstm.corpora.columns import Sentence
from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError
from metalstm.scoring.report import report
from metalstm.scoring.scores import Labels

Corpus = Mapping[str, Sequence[Sentence]]
"""Split to sentences."""


def predicted(path: Path, sentences: Sequence[Sentence], split: str, corpus: str) -> Labels:
    """The predicted labels at `path`.

    Raises:
        UserError: they are not of `sentences`.
    """
    read = columns.read(path)
    if [sentence.tokens for sentence in read] != [sentence.tokens for sentence in sentences]:
        raise UserError(f"{path}: not the sentences of the {split} file of {corpus}; train this run again")
    return [sentence.labels for sentence in read]


def training(path: Path, needed: Collection[str]) -> dict[str, Any]:
    """What a training noted of itself at `path`.

    Raises:
        UserError: it is damaged, or of a version that did not note all that is `needed`.
    """
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        noted = None
    if not isinstance(noted, dict) or not noted.keys() >= set(needed):
        raise UserError(f"{path}: not the record of a whole training; remove this file and train this run again")
    return noted


def earlier(corpus: Corpus, split: str) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """The tokens and the labels of the splits before `split`."""
    sentences = [sentence for part in SPLITS[: SPLITS.index(split)] for sentence in corpus[part]]
    return [sentence.tokens for sentence in sentences], [sentence.labels for sentence in sentences]


def of_split(corpus: Corpus, split: str, labels: Labels) -> dict[str, Any]:
    """The scores of predicted `labels`; those of the test split with the counts of every sentence."""
    return report(
        [sentence.tokens for sentence in corpus[split]],
        [sentence.labels for sentence in corpus[split]],
        labels,
        earlier=earlier(corpus, split),
        with_counts=split == "test",
    )
