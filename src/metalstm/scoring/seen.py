"""Memorising or recognising: the recall on mentions that stand in earlier text, and on new ones.

Earlier text is what precedes the scored split: train for the development split, train and devel for the test split,
whatever the tagger itself was trained on.

A mention is known by its surface form alone, the tuple of its tokens exactly as written. Its type is left out: a
tagger that has met a form under one type has met the form, and types are not harmonised between the corpora that a
multi-task model learns from.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypedDict

from metalstm.scoring.entities import strict_entities
from metalstm.scoring.labels import entity_labels
from metalstm.scoring.scores import Labels, check_parallel

SurfaceForm = tuple[str, ...]
Mentions = Mapping[SurfaceForm, Counter[str]]
"""How often each surface form was annotated with each type; as a collection, the surface forms."""


class Recall(TypedDict):
    """Recall in per cent (0.0 without support) and the number of gold entities."""

    recall: float
    support: int


def mentions(tokens: Sequence[Sequence[str]], labels: Labels) -> Mentions:
    """The annotated mentions of some sentences, IOBES labels, in the order of their first appearance.

    Raises UserError where a sentence has not one label a token.
    """
    check_parallel(tokens, labels)
    forms: dict[SurfaceForm, Counter[str]] = {}
    for words, sentence_labels in zip(tokens, labels, strict=True):
        for entity in strict_entities(sentence_labels):
            forms.setdefault(tuple(words[entity.start : entity.end]), Counter())[entity.type] += 1
    return forms


def seen_unseen(
    train_mentions: Collection[SurfaceForm], tokens: Sequence[Sequence[str]], gold: Labels, predicted: Labels
) -> dict[str, Recall]:
    """Strict recall on the gold entities whose surface form is among `train_mentions` (`seen`), and on the others.

    Every occurrence counts, so both supports sum to that of the strict score. There is no precision of unseen
    mentions: a wrong prediction belongs to neither side.

    Raises UserError where tokens, gold and prediction differ in their number of sentences or tokens.
    """
    check_parallel(tokens, gold)
    check_parallel(gold, predicted)
    support, right = {"seen": 0, "unseen": 0}, {"seen": 0, "unseen": 0}
    for words, gold_labels, predicted_labels in zip(tokens, gold, predicted, strict=True):
        found = set(strict_entities(predicted_labels))
        for entity in strict_entities(gold_labels):
            side = "seen" if tuple(words[entity.start : entity.end]) in train_mentions else "unseen"
            support[side] += 1
            right[side] += entity in found
    return {
        side: Recall(recall=100.0 * right[side] / support[side] if support[side] else 0.0, support=support[side])
        for side in support
    }


def most_frequent(counts: Mapping[str, int]) -> str:
    """The most frequent type; of equally frequent ones the first in the alphabet."""
    return min(counts, key=lambda kind: (-counts[kind], kind))


def dictionary_labels(mentions: Mentions, tokens: Sequence[Sequence[str]]) -> list[list[str]]:
    """Tag sentences with nothing but a dictionary: the floor that a tagger has to leave behind.

    From left to right the longest mention that matches exactly is taken, with the type it most often had (of equally
    frequent ones the first in the alphabet). Returns valid IOBES labels.
    """
    types = {form: most_frequent(counts) for form, counts in mentions.items()}
    sizes = longest_first(types)
    return [_match(tuple(words), types, sizes) for words in tokens]


def longest_first(forms: Iterable[SurfaceForm]) -> dict[str, list[int]]:
    """How many tokens the forms have that begin with a word, by that word, the most first."""
    sizes: dict[str, set[int]] = {}
    for form in forms:
        sizes.setdefault(form[0], set()).add(len(form))
    return {word: sorted(lengths, reverse=True) for word, lengths in sizes.items()}


def _match(words: SurfaceForm, types: Mapping[SurfaceForm, str], sizes: Mapping[str, Sequence[int]]) -> list[str]:
    labels = ["O"] * len(words)
    position = 0
    while position < len(words):
        for size in sizes.get(words[position], ()):
            # Cut short by the end of the sentence it may still be a mention, and then the longest one.
            form = words[position : position + size]
            if form in types:
                labels[position : position + len(form)] = entity_labels(types[form], len(form))
                position += len(form)
                break
        else:
            position += 1
    return labels
