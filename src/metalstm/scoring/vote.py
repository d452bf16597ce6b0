"""What several taggers find by majority, mention by mention."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.labels import sentence_labels
from metalstm.scoring.scores import Labels, check_parallel


def majority(predictions: Sequence[Labels]) -> list[list[str]]:
    """The labels of the mentions (type and both ends, strict) that more than half of `predictions` hold.

    The result is valid IOBES: two mentions that overlap cannot both have a majority, since then one tagger would have
    predicted both, and the mentions of one tagger never overlap.

    Raises UserError where there is no prediction, or where they differ in their number of sentences or tokens.
    """
    if not predictions:
        raise UserError("there is nothing to vote on: no prediction was given")
    first = predictions[0]
    for other in predictions[1:]:
        check_parallel(first, other)
    voted = []
    for sentences in zip(*predictions, strict=True):
        votes = Counter(chain.from_iterable(map(strict_entities, sentences)))
        chosen = [entity for entity, count in votes.items() if 2 * count > len(predictions)]
        voted.append(sentence_labels(chosen, len(sentences[0])))
    return voted
