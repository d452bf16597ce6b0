"""Whole files from one tag scheme to another, and what their labels must be for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from metalstm.corpora import columns, schemes
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
        UserError: there is no sentence, or a label that is of no scheme; its sentence and token are named.
    """
    if not sentences:
        raise UserError(NO_SENTENCE)
    if unread := _find_unread(sentences):
        raise UserError(f"{_counted(*unread[:2])}: {unread[2]}")
    found = schemes.detect(sentence.labels for sentence in sentences) if source == "auto" else source
    repaired = sum(len(schemes.faults(sentence.labels, found)) for sentence in sentences)
    converted = [
        Sentence(sentence.tokens, tuple(schemes.convert(sentence.labels, found, target))) for sentence in sentences
    ]
    return Converted(converted, found, repaired)


def require_labels(path: Path, sentences: Sequence[Sentence]) -> None:
    """Accept the sentences of a file if each label is of some scheme.

    Raises:
        UserError: a label has an unknown prefix or no type; file and line are named.
    """
    if unread := _find_unread(sentences):
        raise UserError(f"{_place(path, *unread[:2])}: {unread[2]}")


def require_iobes(path: Path, sentences: Sequence[Sentence]) -> None:
    """Accept the sentences of a file if their labels are valid IOBES.

    Raises:
        UserError: they are not; file and line of the first fault are named.
    """
    for number, sentence in enumerate(sentences):
        for fault in schemes.faults(sentence.labels, "iobes")[:1]:
            raise UserError(
                f"{_place(path, number, fault.position)}: {fault.message}; run `metalstm convert` on the file first"
            )


def _find_unread(sentences: Sequence[Sentence]) -> tuple[int, int, str] | None:
    """The first label that is of no scheme: its sentence and its token (from 0), and what was expected."""
    for number, sentence in enumerate(sentences):
        for position, label in enumerate(sentence.labels):
            try:
                schemes.split_label(label)
            except UserError as error:
                return number, position, str(error)
    return None


def _place(path: Path, sentence: int, token: int) -> str:
    """A file and the line of a token; its sentence and token by number where the file, a pipe, cannot be read again."""
    if not path.is_file():
        return f"{path}: {_counted(sentence, token)}"
    return f"{path}:{columns.first_lines(path)[sentence] + token}"


def _counted(sentence: int, token: int) -> str:
    return f"sentence {sentence + 1}, token {token + 1}"
