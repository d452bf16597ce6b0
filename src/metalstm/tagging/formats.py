"""A tagged text as others want to have it; `FORMATS` has the forms by name."""

import json
import re
from collections import Counter
from collections.abc import Callable
from html import escape
from types import MappingProxyType

from metalstm.errors import UserError
from metalstm.tagging.documents import Document, Mention


def render(document: Document, name: str) -> str:
    """The document in the form `name`; UserError if there is no such form."""
    if name not in FORMATS:
        raise UserError(f"format {name!r}: expected one of {', '.join(FORMATS)}")
    return FORMATS[name](document)


def require_room(name: str, documents: int) -> None:
    """Accept a number of documents if the form `name` keeps them apart when one follows the other.

    Raises:
        UserError: it does not: offsets would count from several starts, marks or pages stand for one text.
    """
    if documents > 1 and name not in _MANY:
        raise UserError(
            f"{documents} files: expected one, for `--format {name}` holds a single text; "
            f"name one file at a time, or write `--format {_MANY[0]}`, which has a line for each"
        )


def tsv(document: Document) -> str:
    """Token, start, end and IOBES label; TAB; a blank line after every sentence.

    The label stands last, where readers of such files look for it.
    """
    return "".join(
        "".join(
            f"{token.text}\t{token.start}\t{token.end}\t{label}\n"
            for token, label in zip(sentence.tokens, sentence.labels, strict=True)
        )
        + "\n"
        for sentence in document.sentences
        if sentence.tokens
    )


def jsonl(document: Document) -> str:
    """The document as one line of JSON: `text`, the `[start, end]` of its `sentences`, and its `entities`."""
    line = json.dumps(
        {
            "text": document.text,
            "sentences": [[s.tokens[0].start, s.tokens[-1].end] for s in document.sentences if s.tokens],
            "entities": [
                {"start": mention.start, "end": mention.end, "type": mention.type, "text": mention.text}
                for mention in document.mentions()
            ],
        },
        ensure_ascii=False,
    )
    # Some readers of lines take these for line ends. They can only stand inside strings.
    for separator in ("\x85", "\u2028", "\u2029"):
        line = line.replace(separator, f"\\u{ord(separator):04x}")
    return line + "\n"


def brat(document: Document) -> str:
    """The .ann file of brat's standoff format, for a .txt file that holds the document's text.

    A mention that goes over a line's end is given in fragments, as the format demands
    (https://brat.nlplab.org/standoff.html, 'Text-bound annotations'); so it is at whatever else some readers take for
    the end of a line, and at a TAB, which would part the text in two columns. Where a mention is white space alone no
    line can be written; `inputs.read_token_lines` and `tag.tag_sentences` take no such token.
    """
    lines = []
    for number, mention in enumerate(document.mentions(), start=1):
        fragments = [
            (mention.start + part.start(), mention.start + part.end(), part.group())
            for part in _WITHIN_LINE.finditer(mention.text)
        ]
        spans = ";".join(f"{start} {end}" for start, end, _ in fragments)
        words = " ".join(part for _, _, part in fragments)
        lines.append(f"T{number}\t{_SPACE.sub('_', mention.type)} {spans}\t{words}\n")
    return "".join(lines)


def html(document: Document) -> str:
    """A page by itself: the text with its mentions in a colour for each type, and a legend with their numbers."""
    mentions = document.mentions()
    counts = Counter(mention.type for mention in mentions)
    # Steps of the golden angle keep the hues of any number of types apart.
    hues = {kind: round(210 + 137.5 * place) % 360 for place, kind in enumerate(sorted(counts))}
    legend = "".join(
        f'<li><mark style="--hue:{hue}">{escape(kind)}</mark> {counts[kind]}</li>' for kind, hue in hues.items()
    )
    marked, position = [], 0
    for mention in mentions:
        marked += [escape(document.text[position : mention.start]), _mark(mention, hues[mention.type])]
        position = mention.end
    marked.append(escape(document.text[position:]))
    return _PAGE.format(legend=legend or "<li>no entities</li>", text="".join(marked))


def _mark(mention: Mention, hue: int) -> str:
    return f'<mark style="--hue:{hue}" data-type="{escape(mention.type)}">{escape(mention.text)}</mark>'


FORMATS: MappingProxyType[str, Callable[[Document], str]] = MappingProxyType(
    {"tsv": tsv, "jsonl": jsonl, "brat": brat, "html": html}
)

_MANY = ("jsonl",)
"""The forms that keep several documents apart."""

_SPACE = re.compile(r"\s+")
_WITHIN_LINE = re.compile(r"\S(?:[^\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]*\S)?")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Entities</title>
<style>
:root {{ color-scheme: light dark; --saturation: 85%; --lightness: 84%; }}
@media (prefers-color-scheme: dark) {{ :root {{ --saturation: 45%; --lightness: 28%; }} }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1.05rem/1.8 Georgia, serif; }}
ul {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0 0 1.5rem; padding: 0; list-style: none; }}
ul, mark::after {{ font-family: system-ui, sans-serif; font-size: .85rem; }}
main {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
mark {{ padding: .1em .3em; border-radius: .3em; color: inherit;
       background: hsl(var(--hue) var(--saturation) var(--lightness)); }}
main mark::after {{ content: attr(data-type); margin-left: .4em; font-size: .65rem; opacity: .75; }}
</style>
<ul>{legend}</ul>
<main>{text}</main>
</html>
"""
