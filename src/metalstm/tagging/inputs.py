"""What a user gives to be tagged: a text, or a file with a token a line; and a labelled file whose names are known."""

import errno
import os
import sys
from itertools import chain
from pathlib import Path

from metalstm.corpora import columns, conversion, labels
from metalstm.errors import UserError
from metalstm.scoring.known import SHORTEST, KnownNames, known_names

if sys.platform == "win32":
    from pathlib import WindowsPath as PathHere
else:
    from pathlib import PosixPath as PathHere


class _StandardInput(PathHere):
    """Standard input by the name of its device, but read as it was given: a socket cannot be opened by that name."""

    def read_bytes(self) -> bytes:
        """All bytes that are left; raises OSError if there is no standard input."""
        if sys.stdin is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return sys.stdin.buffer.read()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """No: not even a file that comes this way can be read a second time."""
        return False


STANDARD_INPUT: Path = _StandardInput("/dev/stdin")
"""What `read_text` and `read_token_lines` may be given instead of a file."""


def named(name: str) -> Path:
    """The input that a user names: a file, or standard input for `-`; a file of that name is `./-`."""
    return STANDARD_INPUT if name == "-" else Path(name)


def read_text(path: Path) -> str:
    """A text in UTF-8 with its line ends as they are, so that offsets count the file's own characters.

    A byte order mark is left out and not counted.

    Raises:
        UserError: the file cannot be read, or is not UTF-8.
    """
    return columns.decoded(path).removeprefix(columns.BYTE_ORDER_MARK)


def read_token_lines(path: Path) -> list[tuple[str, ...]]:
    """The sentences of a file with a token a line and blank lines between sentences.

    The token is the first column; what follows after a TAB (in a file without any TAB: after a space), such as a
    label, is not read.

    Raises:
        UserError: the file cannot be read or is not UTF-8; a line has no token, or one of white space alone; there is
            no TAB, and lines have more and fewer columns, as those of a text have.
    """
    sentences = columns.read_tokens(path, separator=columns.tab_or_spaces)
    blank = {word for word in set(chain.from_iterable(sentences)) if word.isspace()}
    if blank:
        places = ((n, at, word) for n, tokens in enumerate(sentences) for at, word in enumerate(tokens))
        number, position, token = next(place for place in places if place[2] in blank)
        raise UserError(
            f"{labels.place(path, number, position, columns.tab_or_spaces)}: expected a token, but found white space "
            f"alone, {token!r}; take out the line, or leave it empty where a sentence ends"
        )
    return sentences


def read_known_names(path: Path) -> KnownNames:
    """The names that a file with a token and its label a line labels nearly everywhere, in whichever tag scheme.

    Raises:
        UserError: the file cannot be read, holds no sentence, has a label of no scheme, or has no such name.
    """
    sentences = conversion.read(path, "auto", "iobes").sentences
    names = known_names([sentence.tokens for sentence in sentences], [sentence.labels for sentence in sentences])
    if not names:
        raise UserError(
            f"{path}: no name of {SHORTEST} characters or more is labelled nearly everywhere in it; "
            "give the labelled text that was learned from"
        )
    return names
