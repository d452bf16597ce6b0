"""The errors of one run on the terminal: how many of each kind there are, and which names are wrong most often."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TextIO

from metalstm.scoring.entities import Entity
from metalstm.scoring.errors import GOLD_KINDS, PREDICTED_KINDS, Counts, Earlier, Error, Errors, count
from metalstm.tables.columns import NOTHING, Column, on_terminal
from metalstm.wording import counted

_AROUND = 8
"""Tokens of an example on either side of the name."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A line of the table of kinds; None where a side has no such kind."""

    name: str
    not_found: int | None
    seen: int | None
    unseen: int | None
    not_gold: int | None


@dataclass(frozen=True, slots=True)
class _Name:
    """Errors that are alike."""

    times: int
    name: str
    type: str
    instead: str
    annotated: int
    unlabelled: int
    example: str


_KINDS: list[Column[_Kind]] = [
    Column("Kind", lambda kind: kind.name, is_number=False),
    Column("Not found", lambda kind: _number(kind.not_found)),
    Column("Seen", lambda kind: _number(kind.seen)),
    Column("Unseen", lambda kind: _number(kind.unseen)),
    Column("Not gold", lambda kind: _number(kind.not_gold)),
]
_INSTEAD: Column[_Name] = Column("Predicted instead", lambda name: name.instead, is_number=False)
_NAMES: list[Column[_Name]] = [
    Column("Times", lambda name: _number(name.times)),
    Column("Name", lambda name: name.name, is_number=False),
    Column("Type", lambda name: name.type, is_number=False),
    _INSTEAD,
    Column("Annotated before", lambda name: _number(name.annotated)),
    Column("Unlabelled before", lambda name: _number(name.unlabelled)),
    Column("Example", lambda name: name.example, is_number=False),
]


def terminal(
    title: str,
    tokens: Sequence[Sequence[str]],
    errors: Errors,
    earlier: Earlier,
    *,
    most: int,
    file: TextIO | None = None,
) -> None:
    """Print the kinds of `errors` in the sentences `tokens`, and the `most` frequent names that are wrong.

    `earlier` has been asked for the surface forms of all errors. The output is `file`, by default standard output.
    """
    counts = count(errors, earlier)
    on_terminal(
        _kinds(counts),
        _KINDS,
        title=title,
        section=lambda kind: kind.name == "all",
        notes=lambda _: _evidence(counts),
        file=file,
    )
    found_otherwise = [error for error in errors.gold if error.kind != "missed"]
    for heading, listed in (
        ("Missed", [error for error in errors.gold if error.kind == "missed"]),
        ("Found with other ends or another type", found_otherwise),
        ("Invented", [error for error in errors.predicted if error.kind == "invented"]),
    ):
        names = _names(tokens, listed, earlier)
        columns = [column for column in _NAMES if column is not _INSTEAD or listed is found_otherwise]
        if shown := names[:most]:
            of_all = f"{heading}: {len(shown)} of {counted(len(names), 'name')}"
            on_terminal(shown, columns, title=of_all, section=lambda _: None, notes=lambda _: (), file=file)


def _kinds(counts: Counts) -> list[_Kind]:
    lines = []
    for kind in dict.fromkeys([*GOLD_KINDS, *PREDICTED_KINDS]):
        sides = counts["gold"].get(kind)
        seen, unseen = (None, None) if sides is None else (sides["seen"], sides["unseen"])
        both = None if seen is None or unseen is None else seen + unseen
        lines.append(_Kind(kind.replace("_", " "), both, seen, unseen, counts["predicted"].get(kind)))
    together = (sum(getattr(line, side) or 0 for line in lines) for side in ("not_found", "seen", "unseen", "not_gold"))
    return [*lines, _Kind("all", *together)]


def _evidence(counts: Counts) -> list[str]:
    missed = sum(counts["gold"]["missed"].values())
    return [
        f"Of {missed:,} missed, {counts['missed_in_five_names']:,} have one of the five names that are missed most; "
        f"{counts['missed_mostly_unlabelled_earlier']:,} stand in earlier text without a label at least as often as "
        "they are a mention there.",
        f"Of {counts['predicted']['invented']:,} invented, {counts['invented_annotated_earlier']:,} are a mention in "
        "earlier text.",
        "Seen, before, earlier: in the splits before this one.",
    ]


def _names(tokens: Sequence[Sequence[str]], errors: Sequence[Error], earlier: Earlier) -> list[_Name]:
    """The most frequent first, then as in the text."""
    alike: dict[Hashable, list[Error]] = {}
    for error in errors:
        instead = tuple(_words(tokens[error.sentence], other, error.entity.type) for other in error.instead)
        alike.setdefault((error.form, error.entity.type, instead), []).append(error)
    names = []
    for same in alike.values():
        first = same[0]
        words = tokens[first.sentence]
        names.append(
            _Name(
                times=len(same),
                name=" ".join(first.form),
                type=first.entity.type,
                instead=" | ".join(_words(words, other, first.entity.type) for other in first.instead),
                annotated=earlier.annotated(first.form),
                unlabelled=earlier.unlabelled[first.form],
                example=_example(words, first.entity),
            )
        )
    return sorted(names, key=lambda name: -name.times)


def _words(words: Sequence[str], entity: Entity, kind: str) -> str:
    """The tokens of an entity, with its type where that is not `kind`."""
    return " ".join(words[entity.start : entity.end]) + (f" ({entity.type})" if entity.type != kind else "")


def _example(words: Sequence[str], entity: Entity) -> str:
    """The sentence around an entity, which stands between » and «."""
    first, last = max(0, entity.start - _AROUND), entity.end + _AROUND
    before = [*(["…"] if first else []), *words[first : entity.start]]
    after = [*words[entity.end : last], *(["…"] if last < len(words) else [])]
    return " ".join([*before, f"»{' '.join(words[entity.start : entity.end])}«", *after])


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"
