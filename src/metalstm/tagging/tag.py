"""Documents tagged by a trained run: text, or sentences that are tokens already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metalstm.corpora.tokenise import Token, sentences
from metalstm.nn.lexicon import UNKNOWN, Lexicon
from metalstm.tagging import inference
from metalstm.tagging.documents import Document, TaggedSentence, lay_out
from metalstm.tagging.inference import ArrayTagger
from metalstm.tagging.spelling import in_ascii
from metalstm.tagging.tokens import tag_tokens

if TYPE_CHECKING:
    from metalstm.nn.tagger import Tagger


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


def _tag_placed(
    tagger: Tagger | ArrayTagger, text: str, placed: Sequence[Sequence[Token]], corpus: str | None
) -> Document:
    spelled = {word: _as_read(tagger.lexicon, word) for word in {token.text for tokens in placed for token in tokens}}
    read = [tuple([spelled[token.text] for token in tokens]) for tokens in placed]
    tagged = tag_tokens(tagger, read, corpus)
    rows = zip(placed, tagged.labels, read, strict=True)
    return Document(text, tuple(TaggedSentence(tuple(tokens), tuple(labels), words) for tokens, labels, words in rows))


def _as_read(lexicon: Lexicon, token: str) -> str:
    """The token, or its ASCII spelling if neither the word nor one of its characters stood in the training text."""
    if token.isascii() or lexicon.word_id(token) != UNKNOWN or UNKNOWN not in lexicon.spelling(token):
        return token
    return in_ascii(token)
