"""What the stages that score have in common: reading predictions, and reporting on the splits of a corpus."""

from collections.abc import Mapping, Sequence
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
