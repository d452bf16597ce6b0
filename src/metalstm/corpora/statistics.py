"""What a corpus holds, in numbers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from metalstm.corpora.columns import Sentence
from metalstm.corpora.schemes import spans


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts over the sentences of a file; lengths are in tokens."""

    sentences: int
    tokens: int
    entities: int
    entities_by_type: dict[str, int]
    """Types in alphabetical order."""
    sentences_without_entity: int
    one_token_sentences: int
    longest_sentence: int


def statistics(sentences: Iterable[Sentence]) -> Statistics:
    """Count sentences, tokens and entities; labels may be in any of the schemes, which are all read alike.

    Raises:
        UserError: a label has an unknown prefix or no type.
    """
    lengths: Counter[int] = Counter()
    types: Counter[str] = Counter()
    without_entity = 0
    for sentence in sentences:
        entities = spans(sentence.labels)
        lengths[len(sentence.tokens)] += 1
        types.update(entity.type for entity in entities)
        without_entity += not entities
    return Statistics(
        sentences=lengths.total(),
        tokens=sum(length * count for length, count in lengths.items()),
        entities=types.total(),
        entities_by_type=dict(sorted(types.items())),
        sentences_without_entity=without_entity,
        one_token_sentences=lengths[1],
        longest_sentence=max(lengths, default=0),
    )
