"""The labelling schemes IOB1, IOB2 and IOBES: read, written, checked and repaired.

A label is `O`, or a prefix, a hyphen and a type. The first hyphen parts them, so the type of `S-BC5CDR-chem` is
`BC5CDR-chem`. The schemes (Tjong Kim Sang and Veenstra 1999, 'Representing Text Chunks'; IOBES is the 'Start/End'
of Kudo and Matsumoto 2001, 'Chunking with Support Vector Machines') differ in the prefixes that they write:

- IOB1: I-; but B- on the first token of an entity that directly follows another one of its type.
- IOB2: B- on the first token of an entity, I- on the others.
- IOBES: S- on the only token of an entity; otherwise B- on its first, E- on its last, I- between.

Reading is the same for the three of them, and for sequences that break them. It is conlleval's: an entity starts

1. at B- or S-;
2. at I- or E- at the start of a sentence, or after O, E- or S-;
3. wherever the type is another one than that of the label before.

It goes on through I- and E- of its type, and ends after E- or S-, before the next entity, or before O.

To repair a sequence is to read it so and to write its entities anew. No token enters or leaves an entity and no type
changes; only prefixes do. For instance:

    scheme  broken           repaired         entities
    IOB1    B-x I-x          I-x I-x          one
    IOB1    I-x S-x          I-x B-x          two: S- starts one
    IOB2    O   I-x I-x      O   B-x I-x      one
    IOB2    B-x I-y          B-x B-y          two: the type changes
    IOBES   B-x O            S-x O            one
    IOBES   B-x I-x O        B-x E-x O        one: it ends before O
    IOBES   B-x B-x E-x      S-x B-x E-x      two
    IOBES   E-x I-x          S-x S-x          two: E- ends one, and I- after it starts one
    IOBES   I-x I-x          B-x E-x          one

A label without a type or with another prefix (`B`, `U-x`) has no reading: `faults` reports it, the rest raises.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from metalstm.errors import UserError

Scheme = Literal["iob1", "iob2", "iobes"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

OUTSIDE = "O"

# IOBES never corrects a label to I-: what is read as the middle of an entity can only have been I-.
_REASONS: dict[tuple[Scheme, str], str] = {
    ("iob1", "B"): "in IOB1 an entity that directly follows another one of its type starts with B-",
    ("iob1", "I"): "IOB1 writes I- unless an entity directly follows another one of its type",
    ("iob2", "B"): "in IOB2 an entity starts with B-",
    ("iob2", "I"): "in IOB2 an entity goes on with I-",
    ("iobes", "B"): "in IOBES an entity of several tokens starts with B-",
    ("iobes", "E"): "in IOBES an entity of several tokens ends with E-",
    ("iobes", "S"): "in IOBES an entity of one token is S-",
}


@dataclass(frozen=True, slots=True)
class Span:
    """An entity of `type` on the tokens from `start` up to, not including, `end`."""

    type: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A label that breaks its scheme: where it stands in its sequence (from 0), and what was expected."""

    position: int
    label: str
    message: str


def require_scheme(name: str) -> None:
    """Accept the name of a scheme, nothing else.

    Raises:
        UserError: there is no such scheme.
    """
    if name not in SCHEMES:
        raise UserError(f"expected one of the labelling schemes {', '.join(SCHEMES)}, but found {name!r}")


def split_label(label: str) -> tuple[str, str]:
    """Prefix and type of a label; `("O", "")` outside of entities.

    Raises:
        UserError: the label is neither `O` nor one of the prefixes B-, I-, E- and S- with a type.
    """
    parts = _parts(label)
    if parts is None:
        raise UserError(_malformed(label))
    return parts


def spans(labels: Sequence[str]) -> list[Span]:
    """The entities of a sequence in any of the schemes, broken ones included, by the rules above.

    Raises:
        UserError: a label has an unknown prefix or no type.
    """
    found: list[Span] = []
    before, kind, start = OUTSIDE, "", 0
    for position, label in enumerate(labels):
        if label == OUTSIDE:
            prefix, new_kind = OUTSIDE, ""
        else:
            prefix, new_kind = split_label(label)
        if prefix in "BSO" or before in "ESO" or new_kind != kind:
            if kind:
                found.append(Span(kind, start, position))
            kind, start = new_kind, position
        before = prefix
    if kind:
        found.append(Span(kind, start, len(labels)))
    return found


def encode(entities: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """The labels of `length` tokens whose entities are given in order and do not overlap.

    Raises:
        UserError: there is no such scheme.
    """
    require_scheme(scheme)
    labels = [OUTSIDE] * length
    before: Span | None = None
    for entity in entities:
        labels[entity.start : entity.end] = _encoded(entity, before, scheme)
        before = entity
    return labels


def convert(labels: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """Write a sequence of labels in another scheme.

    Valid input keeps its entities exactly. Broken input is repaired on the way, silently, by the rules above: ask
    `faults(labels, source)` first to know of it. As all schemes are read alike, a wrong `source` costs no entity.

    Raises:
        UserError: a label has an unknown prefix or no type, or there is no such scheme.
    """
    require_scheme(source)
    return encode(spans(labels), len(labels), target)


def repair(labels: Sequence[str], scheme: Scheme) -> list[str]:
    """Make a sequence valid in its own scheme by the rules above; a valid one comes back as it was.

    Raises:
        UserError: a label has an unknown prefix or no type, or there is no such scheme.
    """
    return convert(labels, scheme, scheme)


def faults(labels: Sequence[str], scheme: Scheme) -> list[Fault]:
    """Every label that `repair` would change, and every label that has no reading, in order.

    An entity that touches a label without a reading is not judged: nobody knows where it starts or ends.

    Raises:
        UserError: there is no such scheme.
    """
    require_scheme(scheme)
    unread = {position for position, label in enumerate(labels) if label != OUTSIDE and _parts(label) is None}
    found = [Fault(position, labels[position], _malformed(labels[position])) for position in unread]
    readable = [OUTSIDE if position in unread else label for position, label in enumerate(labels)] if unread else labels
    before: Span | None = None
    for entity in spans(readable):
        if entity.start - 1 not in unread and entity.end not in unread:
            for position, expected in enumerate(_encoded(entity, before, scheme), start=entity.start):
                if (label := labels[position]) != expected:
                    reason = _REASONS[scheme, expected[0]]
                    found.append(Fault(position, label, f"expected {expected} instead of {label}: {reason}"))
        before = entity
    return sorted(found, key=lambda fault: fault.position)


def detect(sequences: Iterable[Sequence[str]]) -> Scheme:
    """The scheme in which sequences have the fewest faults, which is the one that fits if one does.

    No sequence with an entity is valid in two schemes: IOB1 starts its first entity with I-, IOB2 with B-, and only
    IOBES ends it with E- or S-. So two cases are left to a rule:

    - without any entity every scheme fits; IOB2 is named, the commonest among the corpora.
    - where none fits and several have equally few faults, the first of IOBES, IOB2, IOB1 is taken if E- or S-
      stands anywhere, and the first of IOB2, IOB1, IOBES if not.

    A label without a reading counts against all schemes alike.
    """
    counts = dict.fromkeys(SCHEMES, 0)
    prefixes: set[str] = set()
    for labels in sequences:
        if labels.count(OUTSIDE) == len(labels):
            continue
        prefixes.update(parts[0] for label in labels if (parts := _parts(label)))
        for scheme in SCHEMES:
            counts[scheme] += len(faults(labels, scheme))
    preferred: tuple[Scheme, ...] = ("iobes", "iob2", "iob1") if prefixes & {"E", "S"} else ("iob2", "iob1", "iobes")
    return min(preferred, key=counts.__getitem__)


def _encoded(entity: Span, before: Span | None, scheme: Scheme) -> list[str]:
    """The labels of one entity, `before` being the entity before it."""
    length = entity.end - entity.start
    match scheme:
        case "iob1":
            follows = before is not None and before.end == entity.start and before.type == entity.type
            prefixes = ("B" if follows else "I") + "I" * (length - 1)
        case "iob2":
            prefixes = "B" + "I" * (length - 1)
        case "iobes":
            prefixes = "S" if length == 1 else "B" + "I" * (length - 2) + "E"
    return [f"{prefix}-{entity.type}" for prefix in prefixes]


@lru_cache(maxsize=4096)
def _parts(label: str) -> tuple[str, str] | None:
    """Prefix and type, or None for a label that has no reading."""
    if label == OUTSIDE:
        return OUTSIDE, ""
    prefix, _, kind = label.partition("-")
    return (prefix, kind) if prefix in {"B", "I", "E", "S"} and kind else None


def _malformed(label: str) -> str:
    return f"expected the label O, or one of B-, I-, E- and S- followed by a type, but found {label!r}"
