"""Text to sentences to tokens, as the MTL-Bioinformatics-2016 corpora have them, with every character's place kept.

Tokens. A run of letters and digits is a token, and so is every other character but white space, on its own: `IL-2` is
`IL` `-` `2`, `5'-end` is `5` `'` `-` `end`, `0.05` is `0` `.` `05`, and `p53` stays whole. White space is all that is
lost.

Sentences. They end at `.`, `?` or `!` (and closing quotes and brackets) where white space and then something follows
that can open a sentence, unless the stop belongs to an abbreviation, to initials or to the number of a list item. A
blank line ends a sentence in any case. So does a single line break, except in a paragraph that was evidently filled
to a width: there it is a space.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple


class Token(NamedTuple):
    """A token, and the characters `start` up to and without `end` of the text that it is from."""

    text: str
    start: int
    end: int


def tokenise(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of a text, or of a part of it; `text[token.start:token.end] == token.text` for each of them."""
    found = _TOKEN.finditer(text, start, len(text) if end is None else end)
    return [Token(match.group(), match.start(), match.end()) for match in found]


def sentences(text: str) -> list[list[Token]]:
    """The tokens of each sentence of a text, in order; together they are those that `tokenise` gives."""
    tokenised = (tokenise(text, start, end) for start, end in _sentence_spans(text))
    return [tokens for tokens in tokenised if tokens]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Combining marks, joiners and the soft hyphen do not part the letters around them.
_MARK = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u00ad\u200c\u200d\u2060"
_TOKEN = re.compile(rf"[^\W_](?:[^\W_]|[{_MARK}])*|[^\w\s]|_")

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_FIRST_WORD = re.compile(r"\S+")
_WIDTHS = range(40, 121)
"""Columns to which people and programs fill text."""

_CLOSING = "\"'”’»)]"
_AROUND_WORD = "\"'“‘«([,;:"
# Not looked for within a run of stops: to go through the rest of the run at each of them would take its length squared.
_STOP = re.compile(rf"(?<![.?!…])[.?!…]++[{re.escape(_CLOSING)}]*+(?=\s)")
# A capital, a digit, or a lower-case name with one of the two in it: p53, mRNA, beta2, c-Myc.
_OPENING = re.compile(r"""["'“‘«([{]*(?:[A-Z0-9\u00c0-\u00de\u0391-\u03a9]|[a-zα-ω]+-?[A-Z0-9])""")
_LOOK_BACK = 60
_LAST_WORD = re.compile(r"[^\s([{\"'“‘]*\Z")
_INITIALS = re.compile(r"[A-Z]\.|(?:[^\W\d_]\.-?){2,}")
_LIST_NUMBER = re.compile(r"\s*[(\[]?(?:[0-9]{1,2}|[A-Za-z]|[ivx]+)[.)]+")
_REFERENCE = re.compile(r"[([]?(?:[0-9]|[A-Z]{1,2}[0-9]|[A-Z]\b|[IVX]+\b)")
_NAMED_BY_LETTER = re.compile(
    r"(?:[0-9]|\b(?:arm|class|degrees?|factor|grade|group|hepatitis|panel|phase|protein|stage|type|vitamin))[- ][A-Z]\Z"
)
# Before a name or a phrase: no sentence ends here.
_BEFORE_PHRASE = _words(
    "aka approx ca cf dr drs e.a e.g eg fam gen i.e ie incl mr mrs ms n.b nb nov prof resp sp ssp st subsp supp suppl "
    "var viz vs"
)
# Before a number or a letter that says which one.
_BEFORE_NUMBER = _words(
    "app apr art aug ch chap chr dec eq eqn eqs ex feb fig figs jan jul jun mar no nos nov nr oct p pp ref refs sec "
    "sect sep sept tab vol"
)
# After initials these words open a sentence; any other capital may be a name.
_OPENERS = _words(
    "Additionally After All Also Although An As At Background Before Both By Conclusion Conclusions Data During "
    "Finally For From Furthermore Here However If In It Its Many Methods Moreover Most No Not Objective On Our "
    "Patients Results Since Some Such That The Their There Therefore These They This Those Thus To Treatment We When "
    "While With"
)


def _sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _block_spans(text):
        opening, first = start, True
        for stop in _STOP.finditer(text, start, end):
            if first := _ends_sentence(text, opening, stop, end, first=first):
                yield opening, stop.end()
                opening = stop.end()
        yield opening, end


def _block_spans(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, taken apart at the line breaks that do not come from filling."""
    start = 0
    gaps = [*(blank.span() for blank in _BLANK_LINES.finditer(text)), (len(text), len(text))]
    for end, following in gaps:
        lines = text[start:end].split("\n")
        width = max(len(line.rstrip()) for line in lines)
        block = position = start
        for line, next_line in pairwise(lines):
            position += len(line) + 1
            if not _is_filled(line, next_line, width):
                yield block, position
                block = position
        yield block, end
        start = following


def _is_filled(line: str, next_line: str, width: int) -> bool:
    """Whether a line ends because the next word did not fit into `width`, that of the paragraph's longest line."""
    word = _FIRST_WORD.search(next_line)
    return width in _WIDTHS and word is not None and len(line.rstrip()) + 1 + len(word.group()) > width


def _ends_sentence(text: str, opening: int, stop: re.Match[str], end: int, *, first: bool) -> bool:
    """Whether a sentence that began at `opening` ends with the punctuation `stop`, which white space follows.

    `first` says that no other such punctuation stands between the two.
    """
    following = _FIRST_WORD.search(text, stop.end(), end)
    if following is None or _OPENING.match(following.group()) is None:
        return False
    return stop.group().rstrip(_CLOSING) != "." or not _is_shortened(
        text, opening, stop, following.group(), first=first
    )


def _is_shortened(text: str, opening: int, stop: re.Match[str], following: str, *, first: bool) -> bool:
    """Whether the full stop is part of what stands before it: an abbreviation, initials, the number of a list item."""
    # A number is one word, so only the first stop can be its own: to look at each would read a long indent each time.
    if first and _LIST_NUMBER.fullmatch(text, opening, stop.end()):
        return True
    before = text[max(opening, stop.start() - _LOOK_BACK) : stop.start()]
    word = _LAST_WORD.findall(before)[0]
    opens = following.strip(_AROUND_WORD) in _OPENERS
    if word.lower() in _BEFORE_PHRASE and (len(word) == 1 or not word.isupper()):
        return True
    if word.lower() in _BEFORE_NUMBER:
        return _REFERENCE.match(following) is not None and not opens
    if word in {"al", "etc"}:
        return following[0] in "([{" or following[0].isdigit()
    if _NAMED_BY_LETTER.search(before):
        return False
    return _INITIALS.fullmatch(f"{word}.") is not None and not opens
