"""Whole files from one tag scheme to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from metalstm.corpora import columns, labels, schemes
from metalstm.corpora.columns import Sentence, Separator
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


def read(
    path: Path,
    source: Scheme | Literal["auto"],
    target: Scheme,
    *,
    token: int = 0,
    label: int = -1,
    separator: Separator = columns.tab_or_spaces,
) -> Converted:
    """Read a file as `columns.read` does, TAB or spaces between its columns, and convert its labels.

    Raises:
        UserError: the file cannot be read, holds no sentence, or has a label that is of no scheme.
    """
    sentences = columns.read(path, token=token, label=label, separator=separator)
    labels.require_readable(path, sentences, separator)
    try:
        return convert(sentences, source, target)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


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
