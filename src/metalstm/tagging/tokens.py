"""Labels for sentences that are tokens already, by a trained tagger as one of the corpora that it knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from metalstm.corpora import joint
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.nn.lexicon import Lexicon

if TYPE_CHECKING:
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
    needs no name and is given no tags.

    Raises:
        UserError: the tagger was trained on a joint corpus and no corpus is named, or it does not know the corpus.
    """
    joined = _joined_corpora(tagger.lexicon)
    _require_known(corpus, joined or tagger.lexicon.corpora, needed=bool(joined) or len(tagger.lexicon.corpora) > 1)
    shown = [_between_tags(tokens, corpus) for tokens in sentences] if joined and corpus else sentences
    predicted = tagger.label(shown) if isinstance(tagger, Labeller) else _label(tagger, shown, corpus)
    if not joined:
        return Tagged(predicted, 0)
    cleaned = [joint.clean_prediction(labels[1:-1], joined) for labels in predicted]
    return Tagged([labels for labels, _ in cleaned], sum(removed for _, removed in cleaned))


def _label(tagger: Tagger, sentences: Sequence[Sequence[str]], corpus: str | None) -> list[list[str]]:
    """What `Labeller.label` gives, by a tagger of torch."""
    from metalstm.nn.batch import number

    labels: list[list[str]] = [[] for _ in sentences]
    rows = [row for row, tokens in enumerate(sentences) if tokens]
    if not rows:
        return labels
    chosen = [sentences[row] for row in rows]
    numbered = number(tagger.lexicon, chosen, corpora=[corpus] * len(rows) if corpus else None)
    for places in _batches(chosen):
        for place, path in zip(places, tagger.decode_labels(numbered.batch(places)), strict=True):
            labels[rows[place]] = path
    return labels


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
