"""Two files over the same tokens, the true labels and the predicted ones, read for scoring."""

from pathlib import Path

from metalstm.corpora import columns, labels, schemes
from metalstm.corpora.columns import Sentence
from metalstm.corpora.conversion import NO_SENTENCE
from metalstm.corpora.schemes import OUTSIDE, Scheme
from metalstm.errors import UserError
from metalstm.wording import counted

Labels = list[list[str]]


def read(gold: Path, predicted: Path) -> tuple[Labels, Labels, str | None]:
    """IOBES labels of both files, sentence by sentence, and a note for the person if labels had to be converted.

    The scheme is that of the gold file, but for a prediction that is valid in another one: it is read in its own.
    IOBES labels are taken as they stand, so that a broken prediction counts as broken; from another scheme they are
    converted, which mends broken sequences by the rules of `schemes`.

    Raises:
        UserError: there is no sentence; the files do not hold the same tokens in the same sentences, and the first
            difference is named; or a label is of no scheme, and its line is named.
    """
    true, found = columns.read(gold), columns.read(predicted)
    if not true:
        raise UserError(f"{gold}: {NO_SENTENCE}")
    for number, (one, other) in enumerate(zip(true, found, strict=False), start=1):
        if one.tokens != other.tokens:
            at = next(
                (i for i, (a, b) in enumerate(zip(one.tokens, other.tokens, strict=False)) if a != b),
                min(len(one.tokens), len(other.tokens)),
            )
            raise UserError(
                f"{predicted}: sentence {number} differs from that of {gold} at token {at + 1}: "
                f"expected {_token(one.tokens, at)}, found {_token(other.tokens, at)}; score files over the same tokens"
            )
    if len(true) != len(found):
        raise UserError(
            f"{predicted}: {counted(len(found), 'sentence')}, but {gold} has {len(true)}; "
            "score files over the same text"
        )
    labels.require_readable(gold, true)
    labels.require_readable(predicted, found)

    if not _has_entities(true):
        return _in_iobes(true, "iobes"), _in_iobes(found, "iobes"), None
    scheme = schemes.detect(sentence.labels for sentence in true)
    own = schemes.detect(sentence.labels for sentence in found)
    if not _has_entities(found) or _count_faults(found, own):
        own = scheme
    converted = [f"{path} ({name})" for path, name in ((gold, scheme), (predicted, own)) if name != "iobes"]
    note = f"{' and '.join(converted)}: converted to iobes" if converted else None
    if own != "iobes" and (mended := _count_faults(found, own)):
        note = f"{note}; mended {counted(mended, 'predicted label')} that broke {own}"
    return _in_iobes(true, scheme), _in_iobes(found, own), note


def _has_entities(sentences: list[Sentence]) -> bool:
    return any(label != OUTSIDE for sentence in sentences for label in sentence.labels)


def _count_faults(sentences: list[Sentence], scheme: Scheme) -> int:
    return sum(len(schemes.faults(sentence.labels, scheme)) for sentence in sentences)


def _in_iobes(sentences: list[Sentence], scheme: Scheme) -> Labels:
    """The labels in IOBES; those that are it already as they stand."""
    if scheme == "iobes":
        return [list(sentence.labels) for sentence in sentences]
    return [schemes.convert(sentence.labels, scheme, "iobes") for sentence in sentences]


def _token(tokens: tuple[str, ...], position: int) -> str:
    return repr(tokens[position]) if position < len(tokens) else "the end of the sentence"
