"""The scores of predictions once more, with names labelled alike nearby in their file."""

from collections.abc import Mapping, Sequence
from typing import Any

from metalstm.scoring.consistency import consistent
from metalstm.scoring.scores import Labels, strict_f1
from metalstm.stages import reports

Scores = Mapping[str, Mapping[str, Any]]


def with_evidence(
    corpus: str,
    own: reports.Corpus,
    predictions: Mapping[str, Labels],
    scores: Scores,
    *,
    corpora: Sequence[str] | None,
    learned_from_devel: bool,
) -> dict[str, Any]:
    """What a metrics.json says of one corpus below `consistent`.

    corpora: those that the evidence is used for. If None, it is where it raises strict F1 of the devel file, by
    `devel_gain`, and devel was not learned from. Where it is not used, the scores are those of the predictions as they
    were.
    """
    relabelled = {
        split: consistent([sentence.tokens for sentence in own[split]], labels) for split, labels in predictions.items()
    }
    gain = _devel_f1(own, relabelled) - _devel_f1(own, predictions)
    is_used = gain > 0 and not learned_from_devel if corpora is None else corpus in corpora
    made = {split: {**scores[split], **reports.of_split(own, split, labels)} for split, labels in relabelled.items()}
    chosen_by = "devel" if corpora is None else "params"
    return {"used": is_used, "chosen_by": chosen_by, "devel_gain": gain, "scores": made if is_used else scores}


def _devel_f1(corpus: reports.Corpus, predictions: Mapping[str, Labels]) -> float:
    return strict_f1([sentence.labels for sentence in corpus["devel"]], predictions["devel"])
