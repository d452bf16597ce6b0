"""Entities in a sequence of IOBES labels, in the three readings that are in use.

The readings agree on every valid sequence and differ on invalid ones, which taggers do predict: a score
without the name of its reading says little.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from metalstm.errors import UserError


class Entity(NamedTuple):
    """Tokens `start` up to and without `end` of a sentence, and the entity's type.

    A named tuple, because scoring is little else than hashing and comparing these.
    """

    type: str
    start: int
    end: int


@cache
def split_label(label: str) -> tuple[str, str]:
    """Prefix and type: `B-cell-line` gives `B` and `cell-line`, `O` gives `O` and the empty string.

    Hyphens around a type are no part of it, as in seqeval.

    Raises UserError for anything else than O or one of B-, I-, E-, S- followed by a type.
    """
    if label == "O":
        return "O", ""
    prefix, kind = label[:2], label[2:].strip("-")
    if prefix not in ("B-", "I-", "E-", "S-") or not kind:
        raise UserError(f"unknown label {label!r}: expected O, or B-, I-, E- or S- followed by a type")
    return prefix[0], kind


def strict_entities(labels: Sequence[str]) -> list[Entity]:
    """Only what is written as the scheme demands: S, or B I* E of one type; everything else is no entity.

    Equal to seqeval with mode='strict', scheme=IOBES.
    """
    if labels.count("O") == len(labels):  # as most sentences are, and scoring asks for them again and again
        return []
    entities = []
    start, open_type = 0, None
    for position, label in enumerate(labels):
        prefix, kind = split_label(label)
        if prefix == "S":
            entities.append(Entity(kind, position, position + 1))
            open_type = None
        elif prefix == "B":
            start, open_type = position, kind
        elif kind != open_type:
            open_type = None
        elif prefix == "E":
            entities.append(Entity(kind, start, position + 1))
            open_type = None
    return entities


def conll_entities(labels: Sequence[str]) -> list[Entity]:
    """Chunks as conlleval finds them: every labelled token belongs to one, however badly it is labelled.

    A chunk starts on B or S, where the type changes, and on I or E after O, E, S or nothing. It ends with E or S,
    before O, B or S, and where the type changes (Tjong Kim Sang and Buchholz 2000, with the rules that were added
    for E and S). The Perl script of the shared tasks knew no `E B` and read it as one chunk, equal to `I I`;
    here, as in seqeval's default mode, an E always ends its chunk.
    """
    entities = []
    start, open_type = 0, ""
    for position, label in enumerate(labels):
        prefix, kind = split_label(label)
        if open_type and (prefix in "OBS" or kind != open_type):
            entities.append(Entity(open_type, start, position))
            open_type = ""
        if prefix == "O":
            continue
        if not open_type:
            start, open_type = position, kind
        if prefix in "ES":
            entities.append(Entity(kind, start, position + 1))
            open_type = ""
    if open_type:
        entities.append(Entity(open_type, start, len(labels)))
    return entities


def study_entities(labels: Sequence[str]) -> list[Entity]:
    """Entities as the study's own scorer found them: from B, E and S alone, for comparison with its figures.

    A B reaches to the next B, E or S: an E it includes, whatever the type of the E; before a B or S it stops; and
    where the sentence ends first it is an entity of one token. I, O and an E without a B are passed over.

    The consequence: `B I E`, `B O E` and `B I E` with another type on the I or E are all the same, so a torn
    prediction counts as right, and a lone B that ends the sentence is as good as an S. Every entity of the strict
    reading is found, and more; recall is therefore never below the strict one where the gold labels are valid.

    A B directly before another B or S is given the empty span (start, start): the study counted it as an entity,
    but wrote it differently from an S, so that it never equalled one.
    """
    boundaries = [
        (position, prefix, kind)
        for position, (prefix, kind) in enumerate(map(split_label, labels))
        if prefix not in "IO"
    ]
    entities = []
    for (start, prefix, kind), (following, next_prefix, _) in pairwise([*boundaries, (len(labels), "", "")]):
        if prefix == "S" or (prefix == "B" and not next_prefix):
            entities.append(Entity(kind, start, start + 1))
        elif prefix == "B" and next_prefix == "E":
            entities.append(Entity(kind, start, following + 1))
        elif prefix == "B":
            entities.append(Entity(kind, start, following if following > start + 1 else start))
    return entities
