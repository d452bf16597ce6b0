"""Evidence from the rest of a document: a name that was found nearby is a name at its other occurrences too.

A tagger sees one sentence at a time and may find a name in one and miss it in the next. The corpora's files keep the
order of their documents, though not where one ends, so a window of sentences stands for the document. That a word
keeps one sense throughout a discourse is of Gale, Church and Yarowsky (1992, "One sense per discourse").

The name of a species and its abbreviation, 'Ascaris suum' and 'A. suum', count as the same name.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from metalstm.scoring.entities import strict_entities
from metalstm.scoring.labels import entity_labels
from metalstm.scoring.occurrences import occurrences
from metalstm.scoring.scores import Labels, check_parallel
from metalstm.scoring.seen import SurfaceForm, most_frequent

WINDOW = 100
"""How many sentences before and after an occurrence bear on it, in place of those of its own document."""
LEAST_PREDICTED = 2
"""How often a name must be predicted within the window: a single prediction may be a slip."""
LEAST_SHARE = 0.3
"""Which share of its occurrences within the window must be predicted: a word that is mostly no name is left alone."""
SHORTEST = 3
"""Characters, all tokens together: shorter names mean too many things."""

_GENUS, _SPECIES = re.compile("[A-Z][a-z]{2,}"), re.compile("[a-z]{3,}")


@dataclass(slots=True)
class _Name:
    """A surface form that was predicted; the numbers of sentences are in order, with repetitions."""

    types: Counter[str] = field(default_factory=Counter)
    predicted: list[int] = field(default_factory=list)
    occurring: list[int] = field(default_factory=list)

    def is_likely(self, sentence: int) -> bool:
        """Whether an occurrence in this sentence is to be labelled."""
        predicted = _around(self.predicted, sentence)
        return predicted >= LEAST_PREDICTED and predicted / _around(self.occurring, sentence) >= LEAST_SHARE


def consistent(tokens: Sequence[Sequence[str]], labels: Labels) -> list[list[str]]:
    """Predicted IOBES `labels`, with names that are predicted nearby labelled at their other occurrences as well.

    The sentences are those of one file, in its order. An occurrence has exactly the name's tokens, or those of its
    other form if it is that of a species; it is labelled with
    the name's most frequent type in the file (of equally frequent ones the first in the alphabet), where nothing is
    predicted in it. Of occurrences that overlap, the leftmost is labelled, and of those the longest. What is
    predicted stays as it is, and valid IOBES stays valid. One pass is made, with the predictions alone as evidence:
    what is added counts for nothing, though it would in a second call.

    Raises UserError where a sentence has not one label a token.
    """
    check_parallel(tokens, labels)
    names = _names(tokens, labels)
    changed = [list(sentence_labels) for sentence_labels in labels]
    types = {id(name): most_frequent(name.types) for name in names.values()}
    places = list(occurrences(tokens, names))
    for sentence, _, form in places:
        names[form].occurring.append(sentence)
    for sentence, start, form in places:
        end = start + len(form)
        is_free = all(label == "O" for label in changed[sentence][start:end])
        if is_free and names[form].is_likely(sentence):
            changed[sentence][start:end] = entity_labels(types[id(names[form])], len(form))
    return changed


def _names(tokens: Sequence[Sequence[str]], labels: Labels) -> dict[SurfaceForm, _Name]:
    """The forms of names that are predicted often enough in the whole file, and are not too short."""
    species = _species(tokens)
    names: dict[SurfaceForm, _Name] = {}
    for sentence, (words, sentence_labels) in enumerate(zip(tokens, labels, strict=True)):
        for entity in strict_entities(sentence_labels):
            form = tuple(words[entity.start : entity.end])
            name = names.setdefault(species.get(form, form), _Name())
            name.types[entity.type] += 1
            name.predicted.append(sentence)
    likely = {form: name for form, name in names.items() if len(name.predicted) >= LEAST_PREDICTED}
    other_forms = {form: likely[short] for form, short in species.items() if short in likely}
    return {form: name for form, name in (likely | other_forms).items() if sum(map(len, form)) >= SHORTEST}


def _species(tokens: Sequence[Sequence[str]]) -> dict[SurfaceForm, SurfaceForm]:
    """The abbreviation of each genus with its species, if both forms stand in the sentences and it is of that alone."""
    abbreviations: set[SurfaceForm] = set()
    short_of: dict[SurfaceForm, SurfaceForm] = {}
    for words in tokens:
        for place, (genus, species) in enumerate(pairwise(words)):
            if species == "." and len(genus) == 1:
                abbreviations.add(tuple(words[place : place + 3]))
            elif _GENUS.fullmatch(genus) and _SPECIES.fullmatch(species):
                short_of[genus, species] = (genus[0], ".", species)
    genera = Counter(short_of.values())
    return {form: short for form, short in short_of.items() if short in abbreviations and genera[short] == 1}


def _around(sentences: Sequence[int], sentence: int) -> int:
    """How many of the numbers, which are in order, are within the window around `sentence`."""
    return bisect_right(sentences, sentence + WINDOW) - bisect_left(sentences, sentence - WINDOW)
