"""Sentences from templates: a small grammar whose slots are filled with names and numbers."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import names
from columns import Span
from names import pick

FRESH = 0.6
"""Share of the names in devel and test that are taken from those which train never shows."""
HELD_OUT = 6
"""One sentence pattern in so many is kept for devel and test."""
_LONGEST_TOKEN = 505
_LISTED_GENES = 200
_AN = ("a", "e", "i", "o", "u", "8", "11")


@dataclass(frozen=True, slots=True)
class Pool:
    """Names of one kind: the known stand in every split, the fresh only in devel and test."""

    known: Sequence[str]
    fresh: Sequence[str]

    def draw(self, chance: random.Random, unseen: bool) -> str:
        """The first names of a list come up more often than the last, as in any text."""
        choice = self.fresh if unseen and chance.random() < FRESH else self.known
        return choice[int(len(choice) * chance.random() ** 1.5)]


def read_grammar(path: Path) -> dict[str, list[str]]:
    """Sections of a template file: a name in brackets, then one way a line to say it."""
    grammar: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.startswith("["):
            section = grammar.setdefault(line.strip("[]"), [])
        elif line:
            section.append(line)
    return grammar


@dataclass(slots=True)
class Author:
    """Writes the sentences of one corpus, never the same one twice (headings and other short ones apart)."""

    grammar: Mapping[str, Sequence[str]]
    policy: Mapping[str, str]
    """Which kinds of name the corpus annotates, and as what; every other kind is no entity there."""
    pools: Mapping[str, Pool]
    chance: random.Random
    capitals: bool
    """Whether a sentence begins with a capital letter; clinical notes do not care."""
    written: set[tuple[str, ...]] = field(default_factory=set)
    mentioned: list[str] = field(default_factory=list)
    """Names in the sentence that is being written."""

    def sentence(self, *, unseen: bool) -> list[Span]:
        """One sentence; `unseen`: with fresh names and patterns too."""
        templates = self.grammar["sentence"]
        while True:
            place = int(self.chance.random() * len(templates))
            if place % HELD_OUT == HELD_OUT - 1 and not unseen:
                continue
            spans = self.say(templates[place], unseen=unseen)
            tokens = tuple(token for words, _ in spans for token in words)
            entities = [words for words, label in spans if label]
            if len(tokens) <= 2 or (tokens not in self.written and len(set(entities)) == len(entities)):
                self.written.add(tokens)
                return spans

    def oddities(self) -> list[list[Span]]:
        """What full texts spring on a reader: a token of 505 letters, and a sentence of more than 400 tokens."""
        bases = "".join(pick(self.chance, "ACGT") for _ in range(_LONGEST_TOKEN))
        genes = " , ".join(pick(self.chance, self.pools["gene"].known) for _ in range(_LISTED_GENES))
        return [
            self.say(f"The amplified fragment read {bases} .", unseen=False),
            self.say(f"The array held probes for {genes} ; none answered to {{drug}} in {{disease}} .", unseen=False),
        ]

    def say(self, template: str, *, unseen: bool) -> list[Span]:
        """Fill a template and write it properly: `a` or `an`, and a capital letter first."""
        self.mentioned.clear()
        spans = list(self._fill(template, unseen))
        for place in range(1, len(spans)):
            if spans[place - 1][0] == ("a",) and spans[place][0][0].lower().startswith(_AN):
                spans[place - 1] = (("an",), None)
        (first, *others), label = spans[0]
        if self.capitals and first.isalpha():
            spans[0] = ((first[0].upper() + first[1:], *others), label)
        return spans

    def _fill(self, template: str, unseen: bool) -> Iterator[Span]:
        """Replace {section}, {one|of|these}, {kind=these words}, {its_class}, {number} and {kind}, again and again."""
        for part in re.findall(r"\{[^}]*\}|\S+", template):
            slot = part.strip("{}")
            if not part.startswith("{"):
                yield (part,), None
            elif "|" in slot:
                yield from self._fill(pick(self.chance, slot.split("|")), unseen)
            elif slot in self.grammar:
                yield from self._fill(pick(self.chance, self.grammar[slot]), unseen)
            elif "=" in slot:
                kind, words = slot.split("=")
                yield tuple(words.split()), self.policy.get(kind)
            elif slot == "its_class":
                yield tuple(names.class_of(self.mentioned[-1]).split()), self.policy.get("class")
            elif slot in _VALUES:
                yield tuple(_VALUES[slot](self.chance).split()), self.policy.get(slot)
            else:
                yield from self._name(slot, unseen)

    def _name(self, slot: str, unseen: bool) -> Iterator[Span]:
        """A name; `short_`: its abbreviation instead; `abbreviated_`: its abbreviation after it, in parentheses."""
        form, _, kind = slot.rpartition("_")
        name = self.pools[kind].draw(self.chance, unseen)
        while name in self.mentioned:
            name = self.pools[kind].draw(self.chance, unseen)
        self.mentioned.append(name)
        if form != "short":
            yield tuple(name.split()), self.policy.get(kind)
        if form == "abbreviated":
            yield ("(",), None
        if form:
            yield (names.abbreviation(name),), self.policy.get(f"short_{kind}")
        if form == "abbreviated":
            yield (")",), None


def _number(low: int, high: int, chance: random.Random) -> str:
    """A whole number from `low` to `high`."""
    return str(low + int(chance.random() * (high - low + 1)))


def _percentage(chance: random.Random) -> str:
    """Tokenised as the corpora do: 37 . 5 %."""
    return _number(2, 97, chance) + pick(chance, ["", f" . {_number(1, 9, chance)}"]) + " %"


def _p_value(chance: random.Random) -> str:
    """The result of a test."""
    nearly = f"P = 0 . 0{_number(1, 9, chance)}"
    return pick(chance, ["p < 0 . 05", "p < 0 . 001", nearly, f"p = 0 . {_number(11, 89, chance)}"])


_VALUES: dict[str, Callable[[random.Random], str]] = {
    "few": partial(_number, 2, 12),
    "count": partial(_number, 14, 420),
    "age": partial(_number, 18, 86),
    "systolic": partial(_number, 95, 190),
    "diastolic": partial(_number, 52, 94),
    "sodium": partial(_number, 128, 146),
    "hours": lambda chance: pick(chance, ["2", "4", "6", "12", "24", "48", "72"]),
    "year": partial(_number, 1971, 2019),
    "amount": lambda chance: pick(chance, ["2 . 5", "5", "10", "20", "25", "40", "50", "100", "250", "500"]),
    "percent": _percentage,
    "p_value": _p_value,
    "class": lambda chance: names.part(chance, "class"),
    "city": lambda chance: names.part(chance, "city"),
    "surname_thing": lambda chance: names.part(chance, "surname_thing"),
    "organ": lambda chance: names.part(chance, "organ"),
    "investigation": lambda chance: names.part(chance, "investigation"),
}
