"""What is wrong in a prediction: strict errors by kind, and what earlier text has to say of them.

Both sides are read strictly (`entities.strict_entities`): the gold entities that are not found and the predicted ones
that are not gold are those that strict recall and precision count. Each is an error of exactly one kind, by the
entities of the other side in its sentence. Where the other side holds

- the same tokens under another type, it is one of `type`;
- not these, but an entity of its type that shares a token with it, one of `boundary`;
- only entities of other types that share a token with it, one of `boundary_and_type`;
- nothing that shares a token with it, it is `missed` (a gold entity) or `invented` (a predicted one).

The message understanding conferences and SemEval told these apart (Chinchor and Sundheim 1993, "MUC-5 evaluation
metrics"; Segura-Bedmar, Martinez and Herrero-Zazo 2013, "SemEval-2013 task 9"): `type` is their incorrect, `boundary`
their partial, `missed` their missing, `invented` their spurious; `boundary_and_type` is a kind of its own here. The
sides need not have equal numbers of a kind: a name that is found in two pieces is one gold entity of `boundary` and two
predicted ones.

Earlier text is what precedes the scored split, as in `scoring.seen`. It tells where the annotation, and not the tagger,
may be what differs:

- a gold entity is `seen` where its surface form is annotated there, whatever the type;
- a missed one is `mostly_unlabelled_earlier` where its surface form stands there with no label on any of its tokens,
  at least as often as it is annotated: whoever learned from that text learned to leave the name alone;
- an invented one is `annotated_earlier` where its surface form is annotated there: there it is a name, and here not.

A tagger errs on few names often or on many once: `missed_in_five_names` is how many of the missed entities have one of
the five surface forms that are most frequent among them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict

from metalstm.scoring.entities import Entity, strict_entities
from metalstm.scoring.occurrences import occurrences
from metalstm.scoring.scores import Labels, check_parallel
from metalstm.scoring.seen import Mentions, SurfaceForm, mentions

Kind = Literal["type", "boundary", "boundary_and_type", "missed", "invented"]
GOLD_KINDS: tuple[Kind, ...] = ("boundary", "type", "boundary_and_type", "missed")
"""Those of a gold entity that is not found."""
PREDICTED_KINDS: tuple[Kind, ...] = ("boundary", "type", "boundary_and_type", "invented")
"""Those of a predicted entity that is not gold."""
FREQUENT = 5
"""Of how many names `missed_in_five_names` counts the entities."""


class Error(NamedTuple):
    """An entity of one side that the other does not have."""

    sentence: int
    """Its number, from 0."""
    entity: Entity
    form: SurfaceForm
    kind: Kind
    instead: tuple[Entity, ...]
    """The entities of the other side that share a token with it."""


class Errors(NamedTuple):
    """The errors of one split, in the order of the text."""

    gold: list[Error]
    """Gold entities that are not found."""
    predicted: list[Error]
    """Predicted entities that are not gold."""


class Counts(TypedDict):
    """How many errors there are, for metrics.json."""

    gold: dict[str, dict[str, int]]
    """Kind to the numbers of gold entities that are `seen` and `unseen`."""
    predicted: dict[str, int]
    """Kind to the number of predicted entities."""
    missed_mostly_unlabelled_earlier: int
    missed_in_five_names: int
    invented_annotated_earlier: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """What text that precedes a split says of surface forms."""

    mentions: Mentions
    unlabelled: Counter[SurfaceForm]
    """How often a form stands there with no label on any of its tokens; only of the forms that were asked for."""

    def annotates(self, form: SurfaceForm) -> bool:
        """Whether the form is an entity there."""
        return form in self.mentions

    def mostly_leaves(self, form: SurfaceForm) -> bool:
        """Whether the form stands there without a label, at least as often as it is an entity."""
        return self.unlabelled[form] >= max(1, self.annotated(form))

    def annotated(self, form: SurfaceForm) -> int:
        """How often the form is an entity there."""
        return self.mentions[form].total() if form in self.mentions else 0


def find(tokens: Sequence[Sequence[str]], gold: Labels, predicted: Labels) -> Errors:
    """The errors of both sides, IOBES labels.

    Raises UserError where tokens, gold and prediction differ in their number of sentences or tokens.
    """
    check_parallel(tokens, gold)
    check_parallel(gold, predicted)
    errors = Errors([], [])
    for number, (words, gold_labels, predicted_labels) in enumerate(zip(tokens, gold, predicted, strict=True)):
        true, found = strict_entities(gold_labels), strict_entities(predicted_labels)
        errors.gold.extend(_errors(number, words, true, found, "missed"))
        errors.predicted.extend(_errors(number, words, found, true, "invented"))
    return errors


def earlier(forms: Iterable[SurfaceForm], tokens: Sequence[Sequence[str]], labels: Labels) -> Earlier:
    """What earlier sentences say of `forms`.

    Raises UserError where a sentence has not one label a token.
    """
    left = Counter(
        form
        for sentence, start, form in occurrences(tokens, set(forms))
        if all(label == "O" for label in labels[sentence][start : start + len(form)])
    )
    return Earlier(mentions(tokens, labels), left)


def count(errors: Errors, before: Earlier) -> Counts:
    """How many there are of each kind; `before` has been asked for the surface forms of all of them."""
    missed = [error.form for error in errors.gold if error.kind == "missed"]
    invented = [error.form for error in errors.predicted if error.kind == "invented"]
    sides = Counter((error.kind, before.annotates(error.form)) for error in errors.gold)
    kinds = Counter(error.kind for error in errors.predicted)
    return Counts(
        gold={kind: {"seen": sides[kind, True], "unseen": sides[kind, False]} for kind in GOLD_KINDS},
        predicted={kind: kinds[kind] for kind in PREDICTED_KINDS},
        missed_mostly_unlabelled_earlier=sum(map(before.mostly_leaves, missed)),
        missed_in_five_names=sum(times for _, times in Counter(missed).most_common(FREQUENT)),
        invented_annotated_earlier=sum(map(before.annotates, invented)),
    )


def forms(errors: Errors) -> set[SurfaceForm]:
    """The surface forms of all that is wrong."""
    return {error.form for side in errors for error in side}


def _errors(
    sentence: int, words: Sequence[str], own: Sequence[Entity], others: Sequence[Entity], alone: Kind
) -> Iterable[Error]:
    """The entities of `own` that `others` does not hold; `alone` is the kind of those that share no token with it."""
    for entity in own:
        if entity in others:
            continue
        overlapping = tuple(other for other in others if other.start < entity.end and entity.start < other.end)
        form = tuple(words[entity.start : entity.end])
        yield Error(sentence, entity, form, _kind(entity, overlapping, alone), overlapping)


def _kind(entity: Entity, overlapping: Sequence[Entity], alone: Kind) -> Kind:
    if not overlapping:
        return alone
    if any((other.start, other.end) == (entity.start, entity.end) for other in overlapping):
        return "type"
    return "boundary" if any(other.type == entity.type for other in overlapping) else "boundary_and_type"
