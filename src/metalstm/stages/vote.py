"""Score what the seeds of a setting find by majority."""

import json
from pathlib import Path
from typing import Any

from metalstm.corpora.columns import Sentence
from metalstm.corpora.splits import SPLITS
from metalstm.files import write_text
from metalstm.plan.job import SCORED_SPLITS, Plan
from metalstm.scoring.vote import majority
from metalstm.stages import reports
from metalstm.stages.evidence import with_evidence
from metalstm.stages.sentences import by_corpus
from metalstm.tables.rows import VOTE


def run(plan: Plan) -> None:
    """Write metrics.json: a list with an entry for each cell, as a run's; without seeds to vote it is empty.

    Raises:
        UserError: a prediction that is not of the sentences that the corpus's own file has, or a damaged training.json.
    """
    chosen = plan.parameters
    data = {split: by_corpus(plan, split) for split in SPLITS} if chosen["seeds"] else {}
    votes = [_vote(plan, cell, data) for cell in chosen["cells"]] if chosen["seeds"] else []
    write_text(Path(plan.outputs["metrics.json"]), json.dumps(votes, indent=1, ensure_ascii=False) + "\n")
    for vote in votes:
        for corpus, splits in vote["scores"].items():
            print(f"{vote['run']['cell']}: strict F1 {splits['test']['strict']['f1']:.2f} on the test file of {corpus}")


def _vote(plan: Plan, cell: str, data: dict[str, dict[str, list[Sentence]]]) -> dict[str, Any]:
    chosen = plan.parameters
    training = reports.training(Path(plan.inputs[f"{cell}/training.json"]), ["train_on"])
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    evidence: dict[str, dict[str, Any]] = {}
    for corpus in chosen["corpora"]:
        own = {split: data[split][corpus] for split in SPLITS}
        predictions = {}
        for split in SCORED_SPLITS:
            files = [Path(plan.inputs[f"{cell}/seed-{seed}/{corpus}.{split}"]) for seed in chosen["seeds"]]
            predictions[split] = majority([reports.predicted(file, own[split], split, corpus) for file in files])
        scores[corpus] = {split: reports.of_split(own, split, labels) for split, labels in predictions.items()}
        evidence[corpus] = with_evidence(
            corpus,
            own,
            predictions,
            scores[corpus],
            chosen=chosen["evidence"],
            learned_from_devel="devel" in training["train_on"],
        )
    named = {"setting": chosen["setting"] + VOTE, **{name: chosen[name] for name in ("scope", "seeds", "corpora")}}
    return {"run": named | {"cell": cell}, "scores": scores, "evidence": evidence, "train_on": training["train_on"]}
