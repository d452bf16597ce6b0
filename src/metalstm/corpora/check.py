"""What is wrong with a file of token TAB label: every fault, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from metalstm.corpora.columns import BYTE_ORDER_MARK, DOCUMENT_START, content
from metalstm.corpora.schemes import OUTSIDE, SCHEMES, Scheme, detect, faults, require_scheme

_UNREAD = ""
"""Stands for the label of a line that has none: `faults` then does not judge the entities beside it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault and the line (from 1) where it stands; the message says what was expected."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    label: str


def check(path: Path, scheme: Scheme | None = None) -> list[Problem]:
    """List everything that keeps a file from being what `columns.write` writes, with labels of one valid scheme.

    Args:
        path: the file.
        scheme: the scheme that its labels are meant to follow; None for the one with the fewest faults, and then
            sentences that follow another one are named.

    Returns:
        The problems in the order of their lines; none for a file in order.

    Raises:
        UserError: the file cannot be read, or there is no such scheme.
    """
    if scheme is not None:
        require_scheme(scheme)
    lines = content(path).split(b"\n")
    texts: list[str] = []
    problems: list[Problem] = []
    if len(lines) > 1 and all(line.endswith(b"\r") for line in lines[:-1]):
        problems.append(Problem(1, "expected LF as the end of every line, but every line ends with CR LF"))
        lines = [line.removesuffix(b"\r") for line in lines]
    for number, line in enumerate(lines, start=1):
        text, wrong = _decoded(line, number, ended=number < len(lines))
        texts.append(text)
        problems += [Problem(number, message) for message in wrong]
    problems += _layout(texts)
    if _is_spaced(texts):
        problems.append(
            Problem(1, "expected TAB between columns, but every line has spaces instead; `metalstm convert` writes TAB")
        )
        texts = ["\t".join(filter(None, text.split(" "))) for text in texts]
    sentences, wrong_rows = _sentences(texts)
    problems += wrong_rows
    if not sentences:
        problems.append(Problem(1, "expected sentences, a line of token TAB label for each token, but found none"))
    problems += _scheme_problems(sentences, scheme)
    return sorted(problems, key=lambda problem: problem.line)


def render(path: Path, problem: Problem) -> str:
    """A problem as a line for the terminal, in the form that editors can jump to."""
    return f"{path}:{problem.line}: {problem.message}"


def _decoded(line: bytes, number: int, ended: bool) -> tuple[str, list[str]]:
    """The text of a line without byte order mark, CR before LF and lone spaces, and what is wrong with its bytes."""
    wrong: list[str] = []
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        wrong.append(f"expected UTF-8, but found the byte 0x{line[error.start]:02x}")
        text = line.decode("utf-8", errors="replace")
    if number == 1 and text.startswith(BYTE_ORDER_MARK):
        wrong.append("expected a file without byte order mark, but it starts with one")
        text = text.removeprefix(BYTE_ORDER_MARK)
    if ended and text.endswith("\r"):
        wrong.append("expected LF as the end of the line, but found CR LF")
        text = text.removesuffix("\r")
    if "\r" in text:
        wrong.append("expected LF as the end of a line, but found a CR alone; save the file with LF line ends")
    if "\0" in text:
        wrong.append("expected text, but found a NUL")
    if text and not text.strip(" "):
        wrong.append("expected a token and its label or a blank line, but found spaces alone")
        text = ""
    return text, wrong


def _layout(texts: list[str]) -> Iterator[Problem]:
    """What is wrong with the blank lines; `texts` ends with what stands after the last LF."""
    *lines, rest = texts
    for number, line in enumerate(lines, start=1):
        if not line and number == 1:
            yield Problem(number, "expected a token, but the file starts with a blank line")
        elif not line and not lines[number - 2]:
            yield Problem(number, "expected one blank line between sentences, but found another one")
    if rest:
        yield Problem(len(texts), "expected LF and a blank line after the last sentence, but the file ends in a line")
    elif lines and lines[-1]:
        yield Problem(len(lines), "expected a blank line after the last sentence, but the file ends without one")


def _is_spaced(texts: list[str]) -> bool:
    """Whether all lines, more than one, have spaces between columns and none a TAB."""
    lines = [text for text in texts if text]
    return len(lines) > 1 and all(" " in line.strip(" ") and "\t" not in line for line in lines)


def _sentences(texts: list[str]) -> tuple[list[list[_Row]], list[Problem]]:
    """The labels of each sentence with their lines, and what is wrong with single lines."""
    blocks = list(_blocks(texts))
    widths = [len(columns) for block in blocks for _, columns in block]
    problems: list[Problem] = []
    width = 2
    if len(widths) > 1 and widths.count(widths[0]) == len(widths) and widths[0] != width:
        # One fault of the file, not one for each line.
        width = widths[0]
        hint = "; `metalstm convert` takes the first for the token and the last for the label" if width > 1 else ""
        message = f"expected two columns, token TAB label, but every line has {width}{hint}"
        problems.append(Problem(blocks[0][0][0], message))
    sentences: list[list[_Row]] = []
    for block in blocks:
        problems += [Problem(number, message) for number, columns in block for message in _row_problems(columns, width)]
        sentences.append(
            [_Row(number, columns[-1].strip() if len(columns) == width > 1 else _UNREAD) for number, columns in block]
        )
    return sentences, problems


def _blocks(texts: list[str]) -> Iterator[list[tuple[int, list[str]]]]:
    """The lines of each sentence by their numbers, taken apart at every TAB."""
    block: list[tuple[int, list[str]]] = []
    for number, text in enumerate(chain(texts, [""]), start=1):
        columns = text.split("\t")
        if not text and block:
            yield block
            block = []
        elif text and (block or columns[0] != DOCUMENT_START):
            block.append((number, columns))


def _row_problems(columns: list[str], width: int) -> Iterator[str]:
    """What is wrong with a line of a file whose lines should have so many columns, the label in the last."""
    if len(columns) != width:
        hint = ", with spaces instead of TAB" if len(columns) == 1 and " " in columns[0].strip(" ") else ""
        yield f"expected two columns, token TAB label, but found {len(columns)}{hint}"
        return
    if not columns[0]:
        yield "expected a token before the TAB, but found nothing"
    if width == 1:
        return
    label = columns[-1]
    if not label:
        yield "expected a label after the TAB, but found nothing"
    elif label != label.strip():
        yield f"expected a label without white space around it, but found {label!r}"


def _scheme_problems(sentences: list[list[_Row]], scheme: Scheme | None) -> Iterator[Problem]:
    labels = [[row.label for row in rows] for rows in sentences]
    expected = detect(labels) if scheme is None else scheme
    strangers: list[tuple[int, Scheme]] = []
    for rows, sequence in zip(sentences, labels, strict=True):
        found = [fault for fault in faults(sequence, expected) if fault.label != _UNREAD]
        for fault in found:
            yield Problem(rows[fault.position].line, fault.message)
        if found and scheme is None and (other := _fitting(sequence)):
            strangers.append((rows[found[0].position].line, other))
    if strangers:
        line, other = strangers[0]
        yield Problem(
            line,
            f"expected one scheme in the whole file, {expected.upper()} by most of its labels, but this sentence is "
            f"valid {other.upper()} (sentences in another scheme: {len(strangers)})",
        )


def _fitting(labels: Sequence[str]) -> Scheme | None:
    """The scheme in which a sentence is valid, if it has an entity and there is such a scheme."""
    if labels.count(OUTSIDE) == len(labels):
        return None
    return next((scheme for scheme in SCHEMES if not faults(labels, scheme)), None)
