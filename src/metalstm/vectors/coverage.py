"""How much of a corpus has word vectors."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coverage:
    """Tokens of a file, and how many of them `load.rows_of` finds no vector for."""

    tokens: int
    without: int
    entity_tokens: int
    """Tokens inside gold mentions."""
    entity_without: int


def coverage(sentences: Iterable[tuple[Sequence[str], Sequence[str]]], words: AbstractSet[str]) -> Coverage:
    """Count the tokens of sentences, pairs of tokens and labels, that are not in `words`: nor is their lower case."""
    tokens = without = entity_tokens = entity_without = 0
    for sentence, labels in sentences:
        for token, label in zip(sentence, labels, strict=True):
            unknown = token not in words and token.lower() not in words
            tokens += 1
            without += unknown
            if label != "O":
                entity_tokens += 1
                entity_without += unknown
    return Coverage(tokens, without, entity_tokens, entity_without)
