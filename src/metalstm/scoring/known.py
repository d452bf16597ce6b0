"""Evidence from the labelled text: a name that it labels nearly everywhere is a name elsewhere too.

A tagger reads a word by its vector and its characters, and may leave alone in new company what it has learned from.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from metalstm.scoring.labels import entity_labels
from metalstm.scoring.occurrences import occurrences
from metalstm.scoring.scores import Labels, check_parallel
from metalstm.scoring.seen import SurfaceForm, mentions, most_frequent

LEAST_SHARE = 0.8
"""Which share of its occurrences in the labelled text must be mentions: *individual* is one now and then."""
SHORTEST = 3
"""Characters, all tokens together: shorter names mean too many things."""

SHORTEST_WORD = 4
"""Letters of a word that is the same word with a capital at its begin: shorter ones are symbols too often."""

KnownNames = Mapping[SurfaceForm, str]
"""The type of each name."""


def known_names(tokens: Sequence[Sequence[str]], labels: Labels) -> KnownNames:
    """The mentions of a labelled text, IOBES, that are mentions at most of their places; with their most frequent type.

    Of equally frequent types it is the first in the alphabet. A name whose first word is one of small letters, or of
    small letters behind a capital, is known in both forms: sentences and headings begin with a capital. But if the
    text has the other form itself, its own places decide. Raises UserError where a sentence has not one label a token.
    """
    labelled = {form: types for form, types in mentions(tokens, labels).items() if sum(map(len, form)) >= SHORTEST}
    other_forms = {_other_case(form): form for form in labelled}
    other_forms = {other: form for other, form in other_forms.items() if other not in labelled}
    places = Counter(form for _, _, form in occurrences(tokens, labelled.keys() | other_forms.keys()))
    names = {
        form: most_frequent(types) for form, types in labelled.items() if types.total() >= LEAST_SHARE * places[form]
    }
    return names | {other: names[form] for other, form in other_forms.items() if form in names and not places[other]}


def _other_case(form: SurfaceForm) -> SurfaceForm:
    """The form with its first letter in the other case; the form itself where that would be no other word's begin."""
    first, *rest = form
    if len(first) < SHORTEST_WORD or not first[1:].islower():
        return form
    return first[0].swapcase() + first[1:], *rest


def known(tokens: Sequence[Sequence[str]], labels: Labels, names: KnownNames) -> list[list[str]]:
    """Predicted IOBES `labels`, with `names` labelled where nothing is predicted in them.

    Exactly the tokens of a name count. Of names that overlap, the leftmost is labelled, and of those the longest. What
    is predicted stays as it is, and valid IOBES stays valid. Raises UserError where a sentence has not one label a
    token.
    """
    check_parallel(tokens, labels)
    changed = [list(sentence_labels) for sentence_labels in labels]
    for sentence, start, form in occurrences(tokens, names):
        end = start + len(form)
        if all(label == "O" for label in changed[sentence][start:end]):
            changed[sentence][start:end] = entity_labels(names[form], len(form))
    return changed
