"""What the labels of a file must be; what is not is told with its line."""

from collections.abc import Sequence
from pathlib import Path

from metalstm.corpora import columns, schemes
from metalstm.corpora.columns import Sentence, Separator
from metalstm.errors import UserError


def require_readable(path: Path, sentences: Sequence[Sentence], separator: Separator = "\t") -> None:
    """Accept the sentences of a file, read with this separator, if each label is of some scheme.

    Raises:
        UserError: a label has an unknown prefix, no type, or white space around it; file and line are named.
    """
    for number, sentence in enumerate(sentences):
        for position, label in enumerate(sentence.labels):
            try:
                _require_bare(label)
                schemes.split_label(label)
            except UserError as error:
                raise UserError(f"{place(path, number, position, separator)}: {error}") from None


def require_iobes(path: Path, sentences: Sequence[Sentence]) -> None:
    """Accept the sentences of a file, with TAB between its columns, if their labels are valid IOBES.

    Raises:
        UserError: they are not; file and line of the first fault are named.
    """
    for number, sentence in enumerate(sentences):
        for fault in schemes.faults(sentence.labels, "iobes")[:1]:
            where = place(path, number, fault.position)
            raise UserError(f"{where}: {fault.message}; run `metalstm convert` on the file first")


def _require_bare(label: str) -> None:
    """Refuse white space around a label: nobody sees that `B-x ` names another type than `B-x`."""
    if label != label.strip():
        raise UserError(
            f"expected a label without white space around it, but found {label!r}; take the white space out"
        )


def place(path: Path, sentence: int, token: int, separator: Separator = "\t") -> str:
    """A file and the line of a token; its sentence and token by number where the file, a pipe, cannot be read again."""
    if not path.is_file():
        return f"{path}: sentence {sentence + 1}, token {token + 1}"
    return f"{path}:{columns.first_lines(path, separator)[sentence] + token}"
