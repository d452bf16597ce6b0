"""Documents tagged by a trained run: text, or sentences that are tokens already."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from metalstm.corpora.tokenise import Token, sentences
from metalstm.errors import UserError
from metalstm.nn.lexicon import UNKNOWN, Lexicon
from metalstm.spelling import in_ascii
from metalstm.tagging import inference
from metalstm.tagging.documents import Document, TaggedSentence, lay_out
from metalstm.tagging.inference import ArrayTagger
from metalstm.tagging.tokens import tag_tokens

if TYPE_CHECKING:
    from metalstm.nn.tagger import Tagger

_PARTS_COLUMNS = re.compile(r"[\t\n\r]")


def load(directory: str | os.PathLike[str], corpus: str | None = None) -> Tagger | ArrayTagger:
    """The tagger of a run, with the weights of `corpus` if it has such; without torch if that can be.

    A tagger that was trained further for each of several corpora has to be loaded as the one that it shall tag as.

    Raises:
        UserError: as `nn.storage.load`, for a corpus that it does not know too; a file is named; or no corpus is named
            although each has weights of its own.
    """
    folder = Path(directory)
    if folder.is_file():
        files = f"{inference.DESCRIPTION} and {inference.WEIGHTS}"
        near = next((above for above in folder.parents[:2] if (above / inference.DESCRIPTION).is_file()), None)
        hint = f"the one that holds {files}" if near is None else f"{near}, which holds {files}"
        raise UserError(f"{folder}: expected the folder of a trained model, but this is a file; name {hint}")
    tagger = inference.load(folder)
    if tagger is not None:
        if corpus is not None:
            tagger.lexicon.corpus_id(corpus)
        return tagger
    import torch

    from metalstm.nn import storage

    if corpus is None:
        described = storage.describe(folder)
        if described.continued_sha256 and len(known := described.lexicon.corpora) > 1:
            raise UserError(
                f"{folder}: this model was trained further for each of its corpora: say as which one it shall tag "
                f"(--corpus): {', '.join(known)}"
            )
    torch.set_num_threads(1)
    return storage.load(folder, corpus)


def tag_text(tagger: Tagger | ArrayTagger, text: str, corpus: str | None = None) -> Document:
    """Split a text into sentences and tokens, and tag these.

    Raises:
        UserError: as `tag_tokens`; or it is not a text.
    """
    if not isinstance(text, str):
        raise UserError(f"expected a text, but found {_shown(text)}; sentences of tokens are for `tag_sentences`")
    return _tag_placed(tagger, text, sentences(text), corpus)


def tag_sentences(tagger: Tagger | ArrayTagger, tokens: Iterable[Iterable[str]], corpus: str | None = None) -> Document:
    """Tag sentences that are tokens already; offsets are those in the text that `documents.lay_out` makes of them.

    Raises:
        UserError: as `tag_tokens`; a sentence is a text, or a token no word in a line.
    """
    return _tag_placed(tagger, *lay_out(_tokens(tokens)), corpus)


def _tokens(sentences: Iterable[Iterable[str]]) -> list[list[str]]:
    """Refuse text where tokens are due: it would be tagged character by character; and tokens that no file can hold."""
    if isinstance(sentences, str):
        raise UserError(f"expected sentences of tokens, but found a text, {_shown(sentences)}; give it to `tag_text`")
    found: list[list[str]] = []
    for number, tokens in enumerate(sentences, start=1):
        if isinstance(tokens, str):
            raise UserError(
                f"sentence {number}: expected its tokens, but found a text, {_shown(tokens)}; "
                "give a list of tokens, or give the text to `tag_text`"
            )
        found.append([*tokens])
    broken = {word for word in set(chain.from_iterable(found)) if not _is_token(word)}
    if broken:
        number, token = next((n, t) for n, row in enumerate(found, start=1) for t in row if t in broken)
        raise UserError(
            f"sentence {number}: expected tokens that are words, no white space, and hold no TAB and no line end, "
            f"but found {_shown(token)}; take it out or mend it"
        )
    return found


def _is_token(word: object) -> bool:
    return isinstance(word, str) and bool(word.strip()) and _PARTS_COLUMNS.search(word) is None


def _shown(found: object) -> str:
    shown = repr(f"{found[:37]}..." if isinstance(found, str) and len(found) > 40 else found)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _tag_placed(
    tagger: Tagger | ArrayTagger, text: str, placed: Sequence[Sequence[Token]], corpus: str | None
) -> Document:
    spelled = {word: _as_read(tagger.lexicon, word) for word in {token.text for tokens in placed for token in tokens}}
    read = [tuple([spelled[token.text] for token in tokens]) for tokens in placed]
    tagged = tag_tokens(tagger, read, corpus)
    rows = zip(placed, tagged.labels, read, strict=True)
    return Document(text, tuple(TaggedSentence(tuple(tokens), tuple(labels), words) for tokens, labels, words in rows))


def _as_read(lexicon: Lexicon, token: str) -> str:
    """The token, or its ASCII spelling if the training text has not all of its characters.

    A vector of the word says nothing: those of much text have words that no corpus spells so.
    """
    if token.isascii() or UNKNOWN not in lexicon.spelling(token):
        return token
    return in_ascii(token)
