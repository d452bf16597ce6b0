"""Two files over the same tokens, the true labels and the predicted ones, read for scoring."""

from pathlib import Path

from metalstm.corpora import columns, schemes
from metalstm.errors import UserError

Labels = list[list[str]]


def read(gold: Path, predicted: Path) -> tuple[Labels, Labels, str | None]:
    """IOBES labels of both files, sentence by sentence, and a note for the person if labels had to be converted.

    The scheme is that of the gold file. IOBES labels are taken as they stand, so that a broken prediction counts as
    broken; from another scheme both files are converted, which mends broken sequences by the rules of `schemes`.

    Raises:
        UserError: the files do not hold the same tokens in the same sentences; the first difference is named.
    """
    true, found = columns.read(gold), columns.read(predicted)
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
            f"{predicted}: {len(found)} sentences, but {gold} has {len(true)}; score files over the same text"
        )

    scheme = schemes.detect(sentence.labels for sentence in true)
    has_entities = any(label != "O" for sentence in true for label in sentence.labels)
    if scheme == "iobes" or not has_entities:
        return [list(s.labels) for s in true], [list(s.labels) for s in found], None
    mended = sum(len(schemes.faults(sentence.labels, scheme)) for sentence in found)
    note = f"{gold} is {scheme}: both files are converted to iobes" + (
        f"; {mended} predicted labels broke {scheme} and were mended" if mended else ""
    )
    return (
        [schemes.convert(sentence.labels, scheme, "iobes") for sentence in true],
        [schemes.convert(sentence.labels, scheme, "iobes") for sentence in found],
        note,
    )


def _token(tokens: tuple[str, ...], position: int) -> str:
    return repr(tokens[position]) if position < len(tokens) else "the end of the sentence"
