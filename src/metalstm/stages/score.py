"""Score one run on every sentence of each of its corpora."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metalstm.corpora.splits import SPLITS
from metalstm.files import write_text
from metalstm.plan.job import SCORED_SPLITS, Plan
from metalstm.scoring.scores import Labels
from metalstm.stages import reports
from metalstm.stages.evidence import with_evidence
from metalstm.stages.sentences import by_corpus


def run(plan: Plan) -> None:
    """Write metrics.json: the scores of each corpus and split, beside what the training cost.

    Its `evidence` holds what `with_evidence` makes of each corpus.

    Raises:
        UserError: a prediction that is not of the sentences that the corpus's own file has, or a damaged training.json.
    """
    data = {split: by_corpus(plan, split) for split in SPLITS}
    training = reports.training(Path(plan.inputs["training.json"]), ["task_labels_removed", "train_on"])
    removed = training.pop("task_labels_removed")
    scored: dict[str, dict[str, Any]] = {}
    evidence: dict[str, dict[str, Any]] = {}
    for corpus in plan.parameters["corpora"]:
        own = {split: data[split][corpus] for split in SPLITS}
        files = {split: Path(plan.inputs[f"{corpus}.{split}"]) for split in SCORED_SPLITS}
        predictions = {split: reports.predicted(file, own[split], split, corpus) for split, file in files.items()}
        task_labels = {split: removed[f"{corpus}.{split}"] for split in SCORED_SPLITS}
        scored[corpus] = _scores(own, predictions, task_labels)
        evidence[corpus] = with_evidence(
            corpus,
            own,
            predictions,
            scored[corpus],
            chosen=plan.parameters["evidence"],
            learned_from_devel="devel" in training["train_on"],
        )
    named = {name: plan.parameters[name] for name in ("setting", "scope", "cell", "seed", "corpora")}
    metrics = {"run": named, "scores": scored, "evidence": evidence, **training}
    write_text(Path(plan.outputs["metrics.json"]), json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    for corpus, splits in scored.items():
        f1 = {split: splits[split]["strict"]["f1"] for split in SCORED_SPLITS}
        print(f"{corpus}: strict F1 {f1['devel']:.2f} on devel, {f1['test']:.2f} on test")


def _scores(
    corpus: reports.Corpus, predictions: Mapping[str, Labels], task_labels: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    return {
        split: reports.of_split(corpus, split, labels) | {"task_labels_removed": task_labels[split]}
        for split, labels in predictions.items()
    }
