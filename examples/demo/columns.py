"""Three label schemes and two file formats, written here from their definitions and not with the project's own code."""

from collections.abc import Callable, Sequence

Span = tuple[tuple[str, ...], str | None]
"""Neighbouring tokens, and the type of the entity which they are (None: no entity)."""

_PREPOSITIONS = {"of", "on", "in", "for", "with", "to", "from", "by", "at", "since"}
_DETERMINERS = {"no", "the", "any", "more", "all"}
_VERBS = {"start", "stop", "hold", "given", "is", "seen", "increase"}
_CHUNKS = {"CD": "NP", "DT": "NP", "NN": "NP", "NNP": "NP", "IN": "PP", "VB": "VP"}


def iob2(spans: Sequence[Span]) -> list[str]:
    """B- on the first token of every entity, I- on the others."""
    return [
        "O" if label is None else f"{'I' if place else 'B'}-{label}"
        for words, label in spans
        for place in range(len(words))
    ]


def iob1(spans: Sequence[Span]) -> list[str]:
    """I- everywhere but on the first token of an entity that follows another of its own type at once: B- there."""
    labels: list[str] = []
    for words, label in spans:
        neighbour = label is not None and bool(labels) and labels[-1][2:] == label
        for place in range(len(words)):
            labels.append("O" if label is None else f"{'B' if neighbour and place == 0 else 'I'}-{label}")
    return labels


def iobes(spans: Sequence[Span]) -> list[str]:
    """B- I- E- for entities of several tokens, S- for those of one."""
    labels: list[str] = []
    for words, label in spans:
        shape = "S" if len(words) == 1 else f"B{'I' * (len(words) - 2)}E"
        labels.extend("O" if label is None else f"{letter}-{label}" for letter in shape)
    return labels


def two_columns(sentences: Sequence[Sequence[Span]], encode: Callable[[Sequence[Span]], list[str]]) -> str:
    """Token TAB label; a blank line after every sentence."""
    text = ""
    for spans in sentences:
        tokens = [token for words, _ in spans for token in words]
        text += "".join(f"{token}\t{label}\n" for token, label in zip(tokens, encode(spans), strict=True)) + "\n"
    return text


def four_columns(notes: Sequence[Sequence[Sequence[Span]]]) -> str:
    """Token, part of speech, chunk and label in IOB1, a space between; a -DOCSTART- line before every note."""
    text = ""
    for sentences in notes:
        text += "-DOCSTART- -X- O O\n\n"
        for spans in sentences:
            tokens = [token for words, _ in spans for token in words]
            tags = [_part_of_speech(token) for token in tokens]
            chunks = [f"I-{_CHUNKS[tag]}" if tag in _CHUNKS else "O" for tag in tags]
            rows = zip(tokens, tags, chunks, iob1(spans), strict=True)
            text += "".join(" ".join(row) + "\n" for row in rows) + "\n"
    return text


def _part_of_speech(token: str) -> str:
    """A rough guess, so that the second column has something in it; nobody reads it."""
    if not token.isalnum():
        return token if token in {".", ",", ":", "(", ")", '"'} else "SYM"
    if token.isdigit():
        return "CD"
    if token.lower() in _PREPOSITIONS:
        return "IN"
    if token.lower() in _DETERMINERS:
        return "DT"
    if token.endswith("ed") or token.lower() in _VERBS:
        return "VB"
    return "NNP" if token[0].isupper() else "NN"
