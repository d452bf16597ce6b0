"""Labels for sentences that are tokens already, by a trained tagger as one of the corpora that it knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from metalstm.corpora import joint
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.nn.lexicon import Lexicon

if TYPE_CHECKING:
    from metalstm.nn.batch import Numbered
    from metalstm.nn.tagger import Tagger

TOKENS_A_BATCH = 4000
"""Sentences of like length are tagged together, about so many tokens at a time."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """IOBES labels of each sentence, in the order of the sentences."""

    labels: list[list[str]]
    task_labels_removed: int
    """Labels of task tags that were predicted for real tokens; they became O."""


@runtime_checkable
class Labeller(Protocol):
    """A tagger that makes its batches itself, such as the one without torch."""

    @property
    def lexicon(self) -> Lexicon:
        """The words, characters and labels that it knows."""

    def label(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The best labels of each sentence; none for an empty sentence."""


def tag_tokens(tagger: Tagger | Labeller, sentences: Sequence[Sequence[str]], corpus: str | None = None) -> Tagged:
    """Predict a label for every token.

    A tagger of a joint corpus needs the `corpus` that it shall tag as: each sentence is put between that corpus's
    task tags, and what is predicted for the two is removed by their position, whatever it is. A tagger of one corpus
    needs no name and is given no tags; nor does one that was trained further for a corpus need its name.

    Raises:
        UserError: the tagger was trained on a joint corpus and no corpus is named, it does not know the corpus, or it
            was trained further for another one.
    """
    own = None if isinstance(tagger, Labeller) else tagger.weights_of
    if own is not None and corpus not in (None, own):
        raise UserError(f"these are the weights of {own}; to tag as {corpus}, load the model as that")
    corpus = corpus or own
    return Reading(tagger.lexicon, sentences, corpus).tagged(tagger)


class Reading:
    """The sentences of a file for the taggers of one lexicon: words are looked up once, and tagged as often as asked.

    Arguments and errors as in `tag_tokens`.
    """

    def __init__(self, lexicon: Lexicon, sentences: Sequence[Sequence[str]], corpus: str | None = None) -> None:
        """Nothing is looked up yet: a `Labeller` does that itself."""
        self._lexicon, self._corpus = lexicon, corpus
        self._joined = _joined_corpora(lexicon)
        several = bool(self._joined) or len(lexicon.corpora) > 1
        _require_known(corpus, self._joined or lexicon.corpora, needed=several)
        self._sentences = sentences
        if self._joined and corpus:
            self._sentences = [_between_tags(tokens, corpus) for tokens in sentences]

    def tagged(self, tagger: Tagger | Labeller) -> Tagged:
        """The labels that a tagger finds now; its lexicon is the reading's own."""
        predicted = tagger.label(self._sentences) if isinstance(tagger, Labeller) else self._labels(tagger)
        if not self._joined:
            return Tagged(predicted, 0)
        cleaned = [joint.clean_prediction(labels[1:-1], self._joined) for labels in predicted]
        return Tagged([labels for labels, _ in cleaned], sum(removed for _, removed in cleaned))

    def _labels(self, tagger: Tagger) -> list[list[str]]:
        """What `Labeller.label` gives, by a tagger of torch."""
        labels: list[list[str]] = [[] for _ in self._sentences]
        if not self._numbered:
            return labels
        numbered, rows = self._numbered
        with tagger.reading(numbered):
            for batch in _batches([self._sentences[row] for row in rows]):
                for place, path in zip(batch, tagger.decode_labels(numbered.batch(batch)), strict=True):
                    labels[rows[place]] = path
        return labels

    @cached_property
    def _numbered(self) -> tuple[Numbered, list[int]] | None:
        """The sentences that are not empty, and which they are."""
        from metalstm.nn.batch import number

        rows = [row for row, tokens in enumerate(self._sentences) if tokens]
        if not rows:
            return None
        chosen = [self._sentences[row] for row in rows]
        return number(self._lexicon, chosen, corpora=[self._corpus] * len(rows) if self._corpus else None), rows


def _joined_corpora(lexicon: Lexicon) -> tuple[str, ...]:
    """The corpora that the tagger tells apart by task tags; none, if it was trained on one corpus by itself."""
    return tuple(corpus for corpus in lexicon.corpora if joint.task_label(corpus) in lexicon.labels)


def _require_known(corpus: str | None, known: Sequence[str], *, needed: bool) -> None:
    names = ", ".join(known) or "none"
    if corpus is None and needed:
        raise UserError(f"this model was trained on several corpora: say as which one it shall tag (--corpus): {names}")
    if corpus is not None and corpus not in known:
        raise UserError(f"this model does not know the corpus {corpus!r} (--corpus); it knows {names}")


def _between_tags(tokens: Sequence[str], corpus: str) -> tuple[str, ...]:
    return joint.tag(Sentence(tuple(tokens), ("O",) * len(tokens)), corpus).tokens


def _batches(sentences: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """The numbers of the sentences, longest first, in batches of about as many tokens."""
    rows = sorted(range(len(sentences)), key=lambda row: -len(sentences[row]))
    while rows:
        size = max(1, TOKENS_A_BATCH // len(sentences[rows[0]]))
        yield rows[:size]
        rows = rows[size:]
