"""Tag text or tokens with a trained tagger, as one of the corpora that it knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metalstm.corpora import joint
from metalstm.corpora.columns import Sentence
from metalstm.corpora.tokenise import Token, sentences
from metalstm.errors import UserError
from metalstm.nn.lexicon import UNKNOWN, Lexicon
from metalstm.tagging import inference
from metalstm.tagging.documents import Document, TaggedSentence, lay_out
from metalstm.tagging.inference import ArrayTagger
from metalstm.tagging.spelling import in_ascii

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


def load(directory: Path, corpus: str | None = None) -> Tagger | ArrayTagger:
    """The tagger of a run, with the weights of `corpus` if it has such; without torch if that can be.

    Raises UserError as `nn.storage.load` does.
    """
    tagger = inference.load(directory)
    if tagger is not None:
        return tagger
    import torch

    from metalstm.nn import storage

    torch.set_num_threads(1)
    return storage.load(directory, corpus)


def tag_text(tagger: Tagger | ArrayTagger, text: str, corpus: str | None = None) -> Document:
    """Split a text into sentences and tokens, and tag these; raises UserError as `tag_tokens` does."""
    return _tag_placed(tagger, text, sentences(text), corpus)


def tag_sentences(tagger: Tagger | ArrayTagger, tokens: Sequence[Sequence[str]], corpus: str | None = None) -> Document:
    """Tag sentences that are tokens already; offsets are those in the text that `documents.lay_out` makes of them.

    Raises UserError as `tag_tokens` does.
    """
    return _tag_placed(tagger, *lay_out(tokens), corpus)


def tag_tokens(tagger: Tagger | ArrayTagger, sentences: Sequence[Sequence[str]], corpus: str | None = None) -> Tagged:
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
    predicted = tagger.label(shown) if isinstance(tagger, ArrayTagger) else _label(tagger, shown, corpus)
    if not joined:
        return Tagged(predicted, 0)
    cleaned = [joint.clean_prediction(labels[1:-1], joined) for labels in predicted]
    return Tagged([labels for labels, _ in cleaned], sum(removed for _, removed in cleaned))


def _tag_placed(
    tagger: Tagger | ArrayTagger, text: str, placed: Sequence[Sequence[Token]], corpus: str | None
) -> Document:
    words = {token.text for tokens in placed for token in tokens}
    spelled = {word: _as_read(tagger.lexicon, word) for word in words}
    tagged = tag_tokens(tagger, [[spelled[token.text] for token in tokens] for tokens in placed], corpus)
    rows = zip(placed, tagged.labels, strict=True)
    return Document(text, tuple(TaggedSentence(tuple(tokens), tuple(labels)) for tokens, labels in rows))


def _label(tagger: Tagger, sentences: Sequence[Sequence[str]], corpus: str | None) -> list[list[str]]:
    """What `ArrayTagger.label` gives, by a tagger of torch."""
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


def _as_read(lexicon: Lexicon, token: str) -> str:
    """The token, or its ASCII spelling if neither the word nor one of its characters stood in the training text."""
    if token.isascii() or lexicon.word_id(token) != UNKNOWN or UNKNOWN not in lexicon.spelling(token):
        return token
    return in_ascii(token)


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
