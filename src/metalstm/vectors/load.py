"""Word vectors in files: word2vec text and binary, GloVe text, fastText's `.vec` and `.bin`.

word2vec text, which `.vec` is too: a line `<words> <size>`, then a line `<word> <value> ... <value>` for each word.
GloVe text: the same without the first line. word2vec binary: that first line, then for each word its UTF-8 bytes,
a space and the values as little-endian 32-bit floats; a line end before the next word is allowed. fastText binary:
a trained model, with the vectors of subwords, as gensim reads it.
See https://code.google.com/archive/p/word2vec, https://nlp.stanford.edu/projects/glove and https://fasttext.cc.
"""

import codecs
import gzip
import lzma
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from metalstm import files
from metalstm.errors import UserError
from metalstm.files import open_unpacked

Format = Literal["word2vec text", "word2vec binary", "GloVe text", "fastText binary"]

_SAMPLE = 1 << 16
_ROWS_AT_ONCE = 1 << 12
"""So that what lies between two tables takes next to no memory."""
_FASTTEXT = struct.pack("<i", 793712314)
"""How fastText's own binary files open."""


@dataclass(frozen=True, slots=True)
class WordVectors:
    """Distinct words and their vectors, [words, size] in float32."""

    words: list[str]
    vectors: NDArray[np.float32]


def load(path: Path) -> WordVectors:
    """Read a file of any format above, unpacked if its name ends in `.gz` or `.xz`.

    A word that stands twice keeps its first vector. What is not UTF-8 in a binary file's words becomes U+FFFD, since
    the original tool cuts long words after so many bytes, even inside a character.
    Raises UserError for a file that is missing, of no such format, cut short or broken, and says where.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; name a file of word vectors in vectors.file")
    format = detect(path)
    try:
        with _undamaged(path):
            loaded = _load_binary(path) if format == "word2vec binary" else _load_by_gensim(path, format)
    except ValueError as error:
        raise UserError(f"{path}{_first_unreadable(path)}") from error
    infinite = np.flatnonzero(~np.isfinite(loaded.vectors).all(axis=1))
    if infinite.size:
        raise UserError(f"{path}: the vector of '{loaded.words[infinite[0]]}' holds a value that is not finite")
    return loaded


def _load_binary(path: Path) -> WordVectors:
    """word2vec binary by itself, for gensim takes a second to import; EOFError for a file cut short."""
    words: dict[str, None] = {}
    values = bytearray()
    with open_unpacked(path) as file:
        count, size = _header(file.readline()) or (0, 0)
        for _ in range(count):
            word = bytearray()
            while (byte := file.read(1)) not in (b" ", b""):
                word += byte
            vector = file.read(4 * size)
            if len(vector) < 4 * size:
                raise EOFError
            name = word.decode("utf-8", errors="replace").lstrip("\n")
            if name not in words:
                words[name] = None
                values += vector
    vectors = np.frombuffer(values, "<f4").astype(np.float32, copy=False)
    return WordVectors(list(words), vectors.reshape(len(words), size))


def _load_by_gensim(path: Path, format: Format) -> WordVectors:
    if format == "fastText binary":
        keyed = load_subwords(path)
    else:
        from gensim.models import KeyedVectors

        _check_lines(path, format)
        keyed = KeyedVectors.load_word2vec_format(str(path), no_header=format == "GloVe text")
    # gensim leaves a place without a name at the end for each word that stood twice.
    words = [word for word in keyed.index_to_key if word is not None]
    return WordVectors(words, cast(NDArray[np.float32], keyed.vectors[: len(words)]))


def has_subwords(path: Path) -> bool:
    """Whether there is a file in fastText's binary format, which has vectors of subwords too."""
    return path.is_file() and detect(path) == "fastText binary"


def load_subwords(path: Path) -> Any:
    """Read a file in fastText's binary format: gensim's FastTextKeyedVectors, with words and subwords.

    Raises UserError for a file that is packed, cut short or broken, or a model that gensim cannot read.
    """
    from gensim.models.fasttext import load_facebook_vectors

    if path.suffix in (".gz", ".xz"):
        # gensim would take the packed bytes themselves for values.
        raise UserError(f"{path}: a packed fastText model cannot be read; unpack it and name that file")
    try:
        return load_facebook_vectors(str(path))
    except (EOFError, OSError, ValueError, AssertionError, NotImplementedError, struct.error, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: not a fastText model that can be read ({reason}); fetch it again") from error


def save(path: Path, vectors: WordVectors) -> None:
    """Write word2vec binary, atomically; equal vectors give equal bytes.

    Raises UserError for a word that is empty or has a space or a line end in it, which the format cannot hold.
    """
    for word in vectors.words:
        if not word or " " in word or "\n" in word:
            wrong = "holds a space or a line end" if word else "is empty"
            raise UserError(f"{path}: the word {word!r} {wrong}, which word2vec files cannot keep")
    rows = vectors.vectors.astype("<f4")
    with files.atomic(path) as temporary, temporary.open("wb") as file:
        file.write(f"{rows.shape[0]} {rows.shape[1]}\n".encode())
        for word, row in zip(vectors.words, rows, strict=True):
            file.write(word.encode() + b" " + row.tobytes())


def lookup(rows: NDArray[np.int32], vectors: WordVectors) -> NDArray[np.float32]:
    """The vectors of these rows, NaN for -1: [len(rows), size]."""
    found = np.empty((len(rows), vectors.vectors.shape[1]), dtype=np.float32)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        of_part, part = rows[first : first + _ROWS_AT_ONCE], found[first : first + _ROWS_AT_ONCE]
        part[:] = np.nan
        part[of_part >= 0] = vectors.vectors[of_part[of_part >= 0]]
    return found


def rows_of(words: Sequence[str], vectors: WordVectors) -> NDArray[np.int32]:
    """Which of the vectors is that of each word as it is written, else of its lower case, -1 for none: [len(words)]."""
    row_of = {word: row for row, word in enumerate(vectors.words)}
    rows = (row_of.get(word, row_of.get(word.lower(), -1)) for word in words)
    return np.fromiter(rows, dtype=np.int32, count=len(words))


def detect(path: Path) -> Format:
    """Which format a file is in, from its first line and what follows it.

    Raises UserError if it is in none, or a packed file is damaged.
    """
    with _undamaged(path), open_unpacked(path) as file:
        first = file.readline(_SAMPLE)
        sample = file.read(_SAMPLE)
    if first.startswith(codecs.BOM_UTF8):
        raise UserError(f"{path}:1: the file starts with a byte order mark; save it as UTF-8 without one")
    if first.startswith(_FASTTEXT):
        return "fastText binary"
    if _header(first) is not None:
        return "word2vec text" if _is_text(sample) else "word2vec binary"
    if _is_word_and_values(first):
        return "GloVe text"
    raise UserError(
        f"{path}:1: expected `<words> <size>` (word2vec, fastText) or a word and its values, separated by one space "
        f"(GloVe), found {first[:40]!r}"
    )


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """What reading a file cut short or broken raises becomes a UserError."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, MemoryError) as error:
        raise UserError(f"{path}: the file is damaged or ends too soon; fetch it again") from error


def _header(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _is_text(sample: bytes) -> bool:
    """Whether what follows a header is lines: one of numbers comes first, or all could be typed in UTF-8."""
    if _is_word_and_values(sample.split(b"\n")[0]):
        return True
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return all(character >= " " or character in "\t\r\n" for character in text)


def _is_word_and_values(line: bytes) -> bool:
    try:
        return len([np.float32(field) for field in line.rstrip().split(b" ")[1:]]) > 0
    except ValueError:
        return False


def _check_lines(path: Path, format: Format) -> None:
    """Every line has as many values as the first, and there are as many lines as announced.

    gensim itself would fill a vector with the one value of a line cut short.
    """
    with open_unpacked(path) as file:
        first = file.readline()
        header = _header(first) if format == "word2vec text" else None
        size = header[1] if header else first.rstrip().count(b" ")
        words = 0 if header else 1
        for number, line in enumerate(file, start=2):
            values = line.rstrip().count(b" ")
            if values != size:
                blanks = "; a word with a space in it, as GloVe's largest files have some, is not read: remove the line"
                raise UserError(
                    f"{path}:{number}: expected a word and {size} values after single spaces, found {values}"
                    f"{blanks if values > size and not header else ''}"
                )
            words += 1
    if header and words != header[0]:
        raise UserError(f"{path}:1: {header[0]} words are announced, and {words} follow; fetch the file again")


def _first_unreadable(path: Path) -> str:
    """Where a text file holds something else than UTF-8 words and numbers."""
    with open_unpacked(path) as file:
        for number, line in enumerate(file, start=1):
            word, *values = line.rstrip().split(b" ")
            try:
                word.decode("utf-8")
            except UnicodeDecodeError:
                return f":{number}: the word {word!r} is not UTF-8"
            for value in values:
                try:
                    np.float32(value)
                except ValueError:
                    return f":{number}: expected a number, found {value!r}"
    return ": not a file of word vectors"
