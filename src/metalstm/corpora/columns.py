"""Corpora as files of columns: a token a line, its label beside it, a blank line between sentences.

The form that this package writes is narrow: token TAB label, exactly one blank line after every sentence the last one
included, LF, UTF-8. What it reads is wider: see `read`. Tokens are whatever stands between separators. A quote, `null`,
`#` or a no-break space is a token like any other, and only LF ends a line: U+0085 and U+2028 do not. A CR without LF is
refused: where it ends the lines of a file, all of them would be read as one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from metalstm.errors import UserError
from metalstm.files import write_text

DOCUMENT_START = "-DOCSTART-"
BYTE_ORDER_MARK = "\ufeff"

Separator = str | Callable[[str], str | None] | None

_SPACES = re.compile("[ \t]+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens and, in the same order, a label for each."""

    tokens: tuple[str, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse tokens and labels of different number."""
        if len(self.tokens) != len(self.labels):
            raise ValueError(f"{len(self.tokens)} tokens but {len(self.labels)} labels: {self.tokens}")


def read(path: Path, *, token: int = 0, label: int = -1, separator: Separator = "\t") -> list[Sentence]:
    """Read the sentences of a file.

    Several blank lines are one boundary, the last sentence needs none, CR LF and a byte order mark are accepted. A
    line of nothing but spaces is blank too; beside a separator they are a token or a label. A line that starts a
    sentence and has -DOCSTART- in its first column marks a document (CoNLL-2003) and is skipped.

    Args:
        path: the file, in UTF-8.
        token: index of the token's column; negative ones count from the right.
        label: index of the label's column, likewise.
        separator: what stands between two columns; None for any run of spaces and tabs; or a function that finds it
            in the file's text, for what is a pipe can be read but once.

    Raises:
        UserError: the file cannot be read or is not UTF-8, or holds a CR without LF; a line has too few columns, or
            not as many as the first one; a token or a label is empty. File and line are named.
    """
    sentences: list[Sentence] = []
    width = 0
    # One string for all that are equal spares most of a corpus's memory.
    strings: dict[str, str] = {}
    text = _text(path)
    if callable(separator):
        separator = separator(text)
    for first, rows in _blocks(text, separator):
        if not width:
            width = len(rows[0])
            _require_columns(f"{path}:{first}", rows[0], {"token": token, "label": label}, separator)
        if set(map(len, rows)) != {width}:
            raise _refusal(path, first, rows, width, token, label, separator)
        columns = list(zip(*rows, strict=True))
        tokens, labels = columns[token], columns[label]
        if "" in tokens or "" in labels:
            raise _refusal(path, first, rows, width, token, label, separator)
        sentences.append(Sentence(*(tuple(map(strings.setdefault, column, column)) for column in (tokens, labels))))
    return sentences


def read_tokens(path: Path, *, token: int = 0, separator: Separator = "\t") -> list[tuple[str, ...]]:
    """Read the tokens of sentences that may have no labels; other columns, if any, are ignored.

    Arguments, tolerance and errors are those of `read`, but that lines may differ in their number of columns unless
    spaces separate them: a text, or a token with a space in it, would be read as its first word.
    """
    text = _text(path)
    if callable(separator):
        separator = separator(text)
    sentences: list[tuple[str, ...]] = []
    width = 0
    for first, rows in _blocks(text, separator):
        width = width or len(rows[0])
        for number, row in enumerate(rows, start=first):
            if separator is None and len(row) != width:
                raise _other_width(f"{path}:{number}", row, width, separator)
            if not -len(row) <= token < len(row):
                _require_columns(f"{path}:{number}", row, {"token": token}, separator)
            if not row[token]:
                raise UserError(f"{path}:{number}: expected a token, but its column is empty: {_shown(row)}")
        sentences.append(tuple([row[token] for row in rows]))
    return sentences


def first_lines(path: Path, separator: Separator = "\t") -> list[int]:
    """The numbers of the lines with which the sentences that `read` gives begin; each token has a line."""
    text = _text(path)
    return [first for first, _ in _blocks(text, separator(text) if callable(separator) else separator)]


def tab_or_spaces(text: str) -> str | None:
    """The separator of a file that may have either: TAB if one stands in its text, else any run of spaces."""
    return "\t" if "\t" in text else None


def write(path: Path, sentences: Iterable[Sentence]) -> None:
    """Write sentences, atomically, such that `read` gives back the very same.

    Raises:
        UserError: a sentence could not be read back: it is empty, starts with -DOCSTART-, or a token or a label of
            it is empty or holds TAB, LF, CR or NUL; or a byte order mark would open the file.
    """
    blocks: list[str] = []
    for number, sentence in enumerate(sentences, start=1):
        block = "".join([f"{token}\t{label}\n" for token, label in zip(sentence.tokens, sentence.labels, strict=True)])
        if not _reads_back(block, len(sentence.tokens)) or (number == 1 and block.startswith(BYTE_ORDER_MARK)):
            raise UserError(
                f"{path}: sentence {number} cannot be written as columns, because it is empty, opens with "
                f"{DOCUMENT_START} or a byte order mark, or holds an empty or broken field: {_shown([block])}"
            )
        blocks.append(f"{block}\n")
    write_text(path, "".join(blocks))


def write_predictions(path: Path, sentences: Iterable[Sentence], predicted: Iterable[Sequence[str]]) -> None:
    """Write token, gold label and predicted label, atomically; `read` takes the last column for the label."""
    rows = (
        "".join([f"{token}\t{gold}\t{label}\n" for token, gold, label in zip(s.tokens, s.labels, labels, strict=True)])
        for s, labels in zip(sentences, predicted, strict=True)
    )
    write_text(path, "".join(f"{block}\n" for block in rows))


def content(path: Path) -> bytes:
    """All bytes of a file.

    Raises:
        UserError: there is no such file, or it may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error


def decoded(path: Path) -> str:
    """All of a file in UTF-8, its line ends and a byte order mark as they are.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    data = content(path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x}"
        raise UserError(f"{path}:{line}: expected UTF-8, but found {found}; save the file as UTF-8") from error


def _text(path: Path) -> str:
    text = decoded(path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: expected text in UTF-8, but found a NUL; if it is UTF-16, save it as UTF-8")
    text = text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        raise UserError(
            f"{path}:{line}: expected LF as the end of a line, but found a CR alone; save the file with LF line ends"
        )
    return text


def _blocks(text: str, separator: str | None) -> Iterator[tuple[int, list[list[str]]]]:
    """The sentences as rows of columns, each with the number of its first line."""
    split: Callable[[str], list[str]] = partial(str.split, sep=separator) if separator else _columns_between_spaces
    for first, lines in _runs(text):
        rows = [split(line) for line in lines]
        if 1 not in map(len, rows) and rows[0][0] != DOCUMENT_START:
            yield first, rows
        else:
            yield from _parted(first, rows)


def _runs(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines between two empty ones, and the number of the first; a list of all takes much more than sentences."""
    number, start = 1, 0
    while (end := text.find("\n\n", start)) >= 0:
        lines = text[start:end].split("\n")
        yield number, lines
        number, start = number + len(lines) + 1, end + 2
    yield number, text[start:].split("\n")


def _parted(first: int, rows: Sequence[list[str]]) -> Iterator[tuple[int, list[list[str]]]]:
    """`_blocks` of rows among which some may be blank, or open a document."""
    sentence: list[list[str]] = []
    for number, row in enumerate([*rows, [""]], start=first):
        if len(row) > 1 or row[0].strip(" "):
            if sentence or row[0] != DOCUMENT_START:
                sentence.append(row)
        elif sentence:
            yield number - len(sentence), sentence
            sentence = []


def _columns_between_spaces(line: str) -> list[str]:
    return _SPACES.split(line.strip(" \t"))


def _refusal(
    path: Path, first: int, rows: Sequence[list[str]], width: int, token: int, label: int, separator: str | None
) -> UserError:
    """What is wrong with the first row that has not as many columns as the file's first one, or an empty one."""
    number, row = next(
        (number, row)
        for number, row in enumerate(rows, start=first)
        if len(row) != width or not (row[token] and row[label])
    )
    if len(row) != width:
        return _other_width(f"{path}:{number}", row, width, separator)
    empty = "label" if row[token] else "token"
    return UserError(f"{path}:{number}: expected a {empty}, but its column is empty: {_shown(row)}")


def _other_width(place: str, row: list[str], width: int, separator: str | None) -> UserError:
    columns = f"{width} column{'s' * (width > 1)} {_separated(separator)}"
    return UserError(f"{place}: expected {columns}, as in the lines before, but found {len(row)}: {_shown(row)}")


def _require_columns(place: str, row: list[str], wanted: dict[str, int], separator: str | None) -> None:
    """Refuse a row in which a wanted column is missing, or two of them are one and the same."""
    width = len(row)
    if len({index % width for index in wanted.values() if -width <= index < width}) < len(wanted):
        columns = " and ".join(f"a {name} (column {index})" for name, index in wanted.items())
        found = f"{width} column{'s' * (width > 1)}: {_shown(row)}"
        raise UserError(f"{place}: expected {columns} {_separated(separator)}, but found {found}")


def _reads_back(block: str, size: int) -> bool:
    return (
        size > 0
        and block.count("\t") == block.count("\n") == size
        and not block.startswith(("\t", f"{DOCUMENT_START}\t"))
        and not any(broken in block for broken in ("\n\t", "\t\n", "\r", "\0"))
    )


def _separated(separator: str | None) -> str:
    match separator:
        case None:
            return "separated by spaces or tabs"
        case "\t":
            return "separated by TAB"
        case _:
            return f"separated by {separator!r}"


def _shown(row: list[str]) -> str:
    """The start of a row as a message may show it."""
    line = repr("\t".join(row))
    return line if len(line) <= 60 else f"{line[:57]}..."
