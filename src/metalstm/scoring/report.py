"""All that metrics.json says of the predictions for one split of one corpus."""

from collections.abc import Collection, Sequence
from typing import Any

from metalstm.scoring import record, scores, seen
from metalstm.scoring.scores import Labels
from metalstm.scoring.seen import SurfaceForm
from metalstm.scoring.significance import bootstrap_interval, sentence_counts


def report(
    tokens: Sequence[Sequence[str]],
    gold: Labels,
    predicted: Labels,
    *,
    known: Collection[SurfaceForm],
    with_counts: bool = False,
) -> dict[str, Any]:
    """Scores in the three readings, recall on mentions among `known` and on others, and how sure strict F1 is.

    `f1_interval` is the 95 % interval of strict F1 by bootstrap over sentences, None where there is no sentence. With
    `with_counts`, `sentence_counts` holds what `scoring.record` reads.

    Raises UserError where tokens, gold and prediction differ in their number of sentences or tokens.
    """
    counts = sentence_counts(gold, predicted)
    return {
        **scores.evaluate(gold, predicted).as_dict(),
        **seen.seen_unseen(known, tokens, gold, predicted),
        "f1_interval": bootstrap_interval(counts) if len(counts) else None,
        "sentences": len(tokens),
        "tokens": sum(map(len, tokens)),
        **({"sentence_counts": record.write(counts)} if with_counts else {}),
    }
