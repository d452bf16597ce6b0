"""The scores of predictions once more, with evidence from beyond their sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from metalstm.scoring.evidence import by_kind
from metalstm.scoring.known import known_names
from metalstm.scoring.scores import Labels, strict_f1
from metalstm.stages import reports

Scores = Mapping[str, Mapping[str, Any]]


def with_evidence(
    corpus: str,
    own: reports.Corpus,
    predictions: Mapping[str, Labels],
    scores: Scores,
    *,
    chosen: Mapping[str, Sequence[str]] | None,
    learned_from_devel: bool,
) -> dict[str, Any]:
    """What a metrics.json says of one corpus below `evidence`.

    chosen: the corpora that each kind of evidence is used for. If None, a kind is used where it raises strict F1 of
    the devel file, by `devel_gain`, over what is used before it, and devel was not learned from. Where none is used,
    the scores are those of the predictions as they were. Names are known from those of the corpus's own files that were
    learned from.
    """
    rules = by_kind(known_names(*reports.earlier(own, "test" if learned_from_devel else "devel")))
    labels: dict[str, Labels] = dict(predictions)
    kinds: dict[str, dict[str, Any]] = {}
    for kind, apply in rules.items():
        relabelled: dict[str, Labels] = {split: apply(_tokens(own, split), before) for split, before in labels.items()}
        gain = _devel_f1(own, relabelled) - _devel_f1(own, labels)
        is_used = gain > 0 and not learned_from_devel if chosen is None else corpus in chosen[kind]
        kinds[kind] = {"used": is_used, "devel_gain": gain}
        labels = relabelled if is_used else labels
    is_any_used = any(kind["used"] for kind in kinds.values())
    made = {split: {**scores[split], **reports.of_split(own, split, labels[split])} for split in scores if is_any_used}
    return {"chosen_by": "devel" if chosen is None else "params", "kinds": kinds, "scores": made or scores}


def _tokens(corpus: reports.Corpus, split: str) -> list[Sequence[str]]:
    return [sentence.tokens for sentence in corpus[split]]


def _devel_f1(corpus: reports.Corpus, predictions: Mapping[str, Labels]) -> float:
    return strict_f1([sentence.labels for sentence in corpus["devel"]], predictions["devel"])
