"""Score one run on every sentence of each of its corpora."""

import json
from pathlib import Path
from typing import Any

from metalstm.corpora import columns
from metalstm.corpora.columns import Sentence
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.plan.job import SCORED_SPLITS, SPLITS, Plan
from metalstm.scoring import scores, seen
from metalstm.stages.sentences import by_corpus


def run(plan: Plan) -> None:
    """Write metrics.json: the scores of each corpus and split, beside what the training cost.

    Raises:
        UserError: a prediction that is not of the sentences that the corpus's own file has.
    """
    data = {split: by_corpus(plan, split) for split in SPLITS}
    training = json.loads(Path(plan.inputs["training.json"]).read_text(encoding="utf-8"))
    removed = training.pop("task_labels_removed")
    scored = {
        corpus: {
            split: _scores(plan.inputs[f"{corpus}.{split}"], corpus, split, data)
            | {"task_labels_removed": removed[f"{corpus}.{split}"]}
            for split in SCORED_SPLITS
        }
        for corpus in plan.parameters["corpora"]
    }
    named = {name: plan.parameters[name] for name in ("setting", "scope", "cell", "seed", "corpora")}
    metrics = {"run": named, "scores": scored, **training}
    write_text(Path(plan.outputs["metrics.json"]), json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    for corpus, splits in scored.items():
        f1 = {split: splits[split]["strict"]["f1"] for split in SCORED_SPLITS}
        print(f"{corpus}: strict F1 {f1['devel']:.2f} on devel, {f1['test']:.2f} on test")


def _scores(path: str, corpus: str, split: str, data: dict[str, dict[str, list[Sentence]]]) -> dict[str, Any]:
    sentences = data[split][corpus]
    read = columns.read(Path(path))
    if [sentence.tokens for sentence in read] != [sentence.tokens for sentence in sentences]:
        raise UserError(f"{path}: not the sentences of the {split} file of {corpus}; train this run again")
    tokens = [sentence.tokens for sentence in sentences]
    gold = [sentence.labels for sentence in sentences]
    predicted = [sentence.labels for sentence in read]
    known = [sentence for part in SPLITS[: SPLITS.index(split)] for sentence in data[part][corpus]]
    mentions = seen.mentions([s.tokens for s in known], [s.labels for s in known])
    return {
        **scores.evaluate(gold, predicted).as_dict(),
        **seen.seen_unseen(mentions, tokens, gold, predicted),
        "sentences": len(sentences),
        "tokens": sum(map(len, tokens)),
    }
