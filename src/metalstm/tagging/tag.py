"""Tag sentences with a trained tagger, as one of the corpora that it knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from metalstm.corpora import joint
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.nn.batch import collate
from metalstm.nn.tagger import Tagger

TOKENS_A_BATCH = 2000
"""Sentences of like length are tagged together, about so many tokens at a time."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """IOBES labels of each sentence, in the order of the sentences."""

    labels: list[list[str]]
    task_labels_removed: int
    """Labels of task tags that were predicted for real tokens; they became O."""


def tag_tokens(tagger: Tagger, sentences: Sequence[Sequence[str]], corpus: str | None = None) -> Tagged:
    """Predict a label for every token.

    A tagger of a joint corpus needs the `corpus` that it shall tag as: each sentence is put between that corpus's
    task tags, and what is predicted for the two is removed by their position, whatever it is.

    Raises:
        UserError: the tagger does not know the corpus.
    """
    if corpus is not None and corpus not in tagger.lexicon.corpora:
        raise UserError(f"this model does not know the corpus {corpus!r}; it knows {', '.join(tagger.lexicon.corpora)}")
    shown = [_between_tags(sentence, corpus) for sentence in sentences]
    labels: list[list[str]] = [[] for _ in shown]
    removed = 0
    for rows in _batches(shown):
        names = None if corpus is None else [corpus] * len(rows)
        predicted = tagger.decode_labels(collate(tagger.lexicon, [shown[row] for row in rows], corpora=names))
        for row, path in zip(rows, predicted, strict=True):
            if corpus is None:
                labels[row] = path
            else:
                labels[row], stray = joint.clean_prediction(path[1:-1], tagger.lexicon.corpora)
                removed += stray
    return Tagged(labels, removed)


def _between_tags(tokens: Sequence[str], corpus: str | None) -> tuple[str, ...]:
    if corpus is None:
        return tuple(tokens)
    return joint.tag(Sentence(tuple(tokens), ("O",) * len(tokens)), corpus).tokens


def _batches(sentences: Sequence[Sequence[str]]) -> list[list[int]]:
    """The numbers of the sentences that have tokens, longest first, in batches of about as many tokens."""
    order = sorted((row for row, tokens in enumerate(sentences) if tokens), key=lambda row: -len(sentences[row]))
    batches: list[list[int]] = []
    for row in order:
        if not batches or (len(batches[-1]) + 1) * len(sentences[batches[-1][0]]) > TOKENS_A_BATCH:
            batches.append([])
        batches[-1].append(row)
    return batches
