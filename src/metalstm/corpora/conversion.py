"""Whole files from one tag scheme to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metalstm.corpora import schemes
from metalstm.corpora.columns import Sentence
from metalstm.corpora.schemes import Scheme
from metalstm.errors import UserError

NO_SENTENCE = "expected sentences, a line with token and label for each token; give a file that has some"


@dataclass(frozen=True, slots=True)
class Converted:
    """Sentences in another scheme, and what happened to them on the way."""

    sentences: list[Sentence]
    source: Scheme
    """The scheme that they came in."""
    repaired: int
    """Labels that broke that scheme and were repaired, by the rules of `schemes`."""


def convert(sentences: Sequence[Sentence], source: Scheme | Literal["auto"], target: Scheme) -> Converted:
    """Convert the labels of all sentences; with `auto` the scheme is found out from them.

    Raises:
        UserError: there is no sentence, or a label that is of no scheme.
    """
    if not sentences:
        raise UserError(NO_SENTENCE)
    found = schemes.detect(sentence.labels for sentence in sentences) if source == "auto" else source
    repaired = sum(len(schemes.faults(sentence.labels, found)) for sentence in sentences)
    converted = [
        Sentence(sentence.tokens, tuple(schemes.convert(sentence.labels, found, target))) for sentence in sentences
    ]
    return Converted(converted, found, repaired)
