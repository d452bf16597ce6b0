"""Evidence from the rest of a document: an abbreviation means what it was defined to mean.

Articles define an abbreviation once, 'ataxia telangiectasia (AT)', and use it from there on. Definitions are found as
by Schwartz and Hearst (2003, "A simple algorithm for identifying abbreviation definitions in biomedical text").
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metalstm.scoring.entities import Entity, strict_entities
from metalstm.scoring.labels import entity_labels
from metalstm.scoring.occurrences import occurrences
from metalstm.scoring.scores import Labels, check_parallel
from metalstm.scoring.seen import SurfaceForm

WINDOW = 300
"""How many sentences before or after a definition its abbreviation has this meaning: as many as an article has."""
LONGEST = 10
"""Characters of an abbreviation."""
MOST_TOKENS = 6
"""Tokens of one: hyphens and the like are tokens of their own."""

FURTHEST = LONGEST + 5
"""Tokens of a long form, at most."""

_OPENING, _ENDING = ("(", "["), (")", "]", ";", ",")


class Definition(NamedTuple):
    """Of a sentence, the tokens `start` up to and without `end` of a long form, and the abbreviation behind it."""

    sentence: int
    start: int
    end: int
    short: SurfaceForm


class _Meaning(NamedTuple):
    """What the predictions say of a definition."""

    sentence: int
    type: str | None
    """Of the entity that ends with the long form and holds all of it."""
    is_name: bool
    """Whether any token of the long form has a label."""


def abbreviated(tokens: Sequence[Sequence[str]], labels: Labels) -> list[list[str]]:
    """Predicted IOBES `labels`, with abbreviations labelled as their long forms are.

    The sentences are those of one file, in its order. Where an entity holds the long form of a definition and ends
    with it, the abbreviation and its plural are labelled with its type at all places for which that is the latest
    definition (or, in front of the first one, the next), unless something is predicted in them. Where no token of the
    long form is predicted, the abbreviation is no name there, and what was predicted to be just it is taken away.
    Valid IOBES stays valid.

    Raises UserError where a sentence has not one label a token.
    """
    check_parallel(tokens, labels)
    entities = [strict_entities(sentence_labels) for sentence_labels in labels]
    meanings: dict[SurfaceForm, list[_Meaning]] = {}
    for definition in definitions(tokens):
        for form in _forms(definition.short):
            meaning = _meaning(definition, entities[definition.sentence], labels[definition.sentence])
            meanings.setdefault(form, []).append(meaning)
    changed = [list(sentence_labels) for sentence_labels in labels]
    for sentence, start, form in occurrences(tokens, meanings):
        meant = _meant(meanings[form], sentence)
        end = start + len(form)
        if meant is None:
            continue
        if meant.type is not None and all(label == "O" for label in changed[sentence][start:end]):
            changed[sentence][start:end] = entity_labels(meant.type, len(form))
        elif not meant.is_name and any((found.start, found.end) == (start, end) for found in entities[sentence]):
            changed[sentence][start:end] = ["O"] * len(form)
    return changed


def definitions(tokens: Sequence[Sequence[str]]) -> Iterator[Definition]:
    """Long forms, each followed by its abbreviation in parentheses, in the order of the text."""
    for sentence, words in enumerate(tokens):
        for opening in (place for place, word in enumerate(words) if word in _OPENING):
            inside = range(opening + 1, min(opening + 2 + MOST_TOKENS, len(words)))
            end = next((place for place in inside if words[place] in _ENDING), opening)
            short = tuple(words[opening + 1 : end])
            first = max(0, opening - FURTHEST)
            start = _long_form(words[first:opening], "".join(short))
            if start is not None:
                yield Definition(sentence, first + start, opening, short)


def _long_form(before: Sequence[str], short: str) -> int | None:
    """Which token before a parenthesis the long form of `short` begins with; None if it is no abbreviation.

    The letters of the abbreviation stand in the long form in their order, the first one at the beginning of a word.
    """
    if not (2 <= len(short) <= LONGEST and short[0].isalnum() and any(map(str.isupper, short))):
        return None
    letters = [character for character in short.lower() if character.isalnum()]
    furthest = max(0, len(before) - min(len(letters) + 5, 2 * len(letters)))
    token, place = len(before), 0
    for number in reversed(range(len(letters))):
        is_found = False
        while not is_found:
            if place == 0:
                token -= 1
                if token < furthest:
                    return None
                place = len(before[token])
            place -= 1
            is_found = before[token][place].lower() == letters[number] and (number > 0 or place == 0)
    return token if len("".join(before[token:])) > len(short) else None


def _forms(short: SurfaceForm) -> tuple[SurfaceForm, SurfaceForm]:
    """An abbreviation in singular and plural, whichever of them was defined."""
    *before, last = short
    is_plural = len(last) > 2 and last.endswith("s") and last[-2].isupper()
    return short, (*before, last[:-1] if is_plural else last + "s")


def _meaning(definition: Definition, entities: Sequence[Entity], labels: Sequence[str]) -> _Meaning:
    start, end = definition.start, definition.end
    kinds = [entity.type for entity in entities if entity.end == end and entity.start <= start]
    is_name = any(label != "O" for label in labels[start:end])
    return _Meaning(definition.sentence, kinds[0] if kinds else None, is_name)


def _meant(meanings: Sequence[_Meaning], sentence: int) -> _Meaning | None:
    """The latest definition at or before a sentence, or else the next one; None if that is far away."""
    later = bisect_right(meanings, sentence, key=lambda meaning: meaning.sentence)
    meaning = meanings[max(0, later - 1)]
    return meaning if abs(meaning.sentence - sentence) <= WINDOW else None
