"""All that metrics.json says of the predictions for one split of one corpus."""

from collections.abc import Sequence
from typing import Any

from metalstm.scoring import errors, record, scores, seen
from metalstm.scoring.scores import Labels
from metalstm.scoring.significance import bootstrap_interval, sentence_counts


def report(
    tokens: Sequence[Sequence[str]],
    gold: Labels,
    predicted: Labels,
    *,
    earlier: tuple[Sequence[Sequence[str]], Labels],
    with_counts: bool = False,
) -> dict[str, Any]:
    """Scores in the three readings, recall on seen and unseen mentions, errors by kind, and how sure strict F1 is.

    `earlier` has the tokens and the labels of the text that precedes the split: what is annotated in it is seen.

    `f1_interval` is the 95 % interval of strict F1 by bootstrap over sentences, None where there is no sentence. With
    `with_counts`, `sentence_counts` holds what `scoring.record` reads.

    Raises UserError where tokens, gold and prediction differ in their number of sentences or tokens.
    """
    counts = sentence_counts(gold, predicted)
    wrong = errors.find(tokens, gold, predicted)
    before = errors.earlier(errors.forms(wrong), *earlier)
    return {
        **scores.evaluate(gold, predicted).as_dict(),
        **seen.seen_unseen(before.mentions, tokens, gold, predicted),
        "errors": errors.count(wrong, before),
        "f1_interval": bootstrap_interval(counts) if len(counts) else None,
        "sentences": len(tokens),
        "tokens": sum(map(len, tokens)),
        **({"sentence_counts": record.write(counts)} if with_counts else {}),
    }
