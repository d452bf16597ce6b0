"""The paragraphs of a file of text, one after the other, however large the file is.

Plain text in UTF-8 has one paragraph a line. In PubMed's XML an article is one: its title and the parts of its
abstract, a blank line between them. Either may be packed: `.gz`, `.xz`.
See https://www.nlm.nih.gov/bsd/licensee/elements_descriptions.html.
"""

import gzip
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError, iterparse

from metalstm.errors import UserError
from metalstm.files import open_unpacked

_BYTE_ORDER_MARK = "\ufeff"
_UNNAMED = {"", "UNASSIGNED", "UNLABELLED"}


def read(path: Path) -> Iterator[str]:
    """The paragraphs of a file that are not empty; what it is, its name says: `.xml` is PubMed's XML.

    Raises UserError for a file that cannot be read, is damaged, is not UTF-8 or no such XML, and says where.
    """
    packed, plain = path.suffix.lower() in (".gz", ".xz"), path.suffix.lower()
    kind = Path(path.stem).suffix.lower() if packed else plain
    try:
        with open_unpacked(path) as file:
            yield from _articles(file, path) if kind == ".xml" else _lines(file, path)
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"{path}: the file is damaged or ends too soon ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x}"
            raise UserError(f"{path}:{number}: expected UTF-8, but found {found}; save the file as UTF-8") from None
        if "\0" in text:
            raise UserError(f"{path}:{number}: expected text, but found a NUL; is it another kind of file?")
        if text := text.removeprefix(_BYTE_ORDER_MARK if number == 1 else "").strip():
            yield text


def _articles(file: BinaryIO, path: Path) -> Iterator[str]:
    """Each article is thrown away once it was read, so that a set of any size fits."""
    articles = depth = 0
    parents: list[Element] = []
    try:
        for event, element in iterparse(file, events=("start", "end")):
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            depth = len(parents)
            if depth == 1:
                if element.tag == "PubmedArticle":
                    articles += 1
                    if text := _article(element):
                        yield text
                parents[0].clear()
    except ParseError as error:
        raise UserError(f"{path}:{error.position[0]}: not well-formed XML ({error}); fetch the file again") from None
    if not articles:
        raise UserError(f"{path}: expected PubMed's XML, but found no PubmedArticle right below the outermost element")


def _article(element: Element) -> str:
    title = element.find("MedlineCitation/Article/ArticleTitle")
    parts = [] if title is None else [_text(title)]
    for part in element.iterfind("MedlineCitation/Article/Abstract/AbstractText"):
        # Corpora have the heading of a part, METHODS say, as the first word of its first sentence.
        heading = part.get("Label", "")
        parts.append(_text(part) if heading.upper() in _UNNAMED else f"{heading}: {_text(part)}")
    return "\n\n".join(part for part in parts if part)


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())
