"""A tagged text: its sentences, their tokens and labels, and the entities that follow from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from metalstm.corpora.tokenise import Token
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.evidence import Kind, by_kind
from metalstm.scoring.known import KnownNames


class Mention(NamedTuple):
    """An entity in a text, of which it is the characters (code points) `start` up to and without `end`."""

    type: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """Tokens and, in the same order, the IOBES label of each and the word that the tagger read in its place."""

    tokens: tuple[Token, ...]
    labels: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A text and its sentences in order; offsets of tokens and mentions count from the start of `text`."""

    text: str
    sentences: tuple[TaggedSentence, ...]

    def mentions(self) -> list[Mention]:
        """The entities in the order of the text, read from the labels as the strict score reads them."""
        found = []
        for sentence in self.sentences:
            for kind, first, end in strict_entities(sentence.labels):
                start, stop = sentence.tokens[first].start, sentence.tokens[end - 1].end
                found.append(Mention(kind, start, stop, self.text[start:stop]))
        return found


def with_evidence(document: Document, *, known: KnownNames | None, abbreviations: bool, names: bool) -> Document:
    """The document with its labels changed as these kinds of evidence say (`scoring.evidence`), `known` if not None.

    Names are compared as the tagger read them: a corpus in ASCII has none with other characters.
    """
    kinds: dict[Kind, bool] = {"known": known is not None, "abbreviations": abbreviations, "names": names}
    if not any(kinds.values()):
        return document
    words = [sentence.words for sentence in document.sentences]
    labels = [list(sentence.labels) for sentence in document.sentences]
    for kind, apply in by_kind(known or {}).items():
        labels = apply(words, labels) if kinds[kind] else labels
    rows = zip(document.sentences, labels, strict=True)
    return Document(document.text, tuple(replace(sentence, labels=tuple(new)) for sentence, new in rows))


def lay_out(sentences: Iterable[Sequence[str]]) -> tuple[str, list[list[Token]]]:
    """A text for tokens that came without one: a space between tokens, a line for each sentence."""
    lines: list[str] = []
    placed: list[list[Token]] = []
    position = 0
    for tokens in sentences:
        row = []
        for token in tokens:
            row.append(Token(token, position, position + len(token)))
            position += len(token) + 1
        placed.append(row)
        lines.append(" ".join(tokens) + "\n")
        position += not tokens
    return "".join(lines), placed
