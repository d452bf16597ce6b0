"""Score a dictionary of the train mentions: the floor that every tagger has to leave behind."""

import json
from pathlib import Path

from metalstm.corpora import columns
from metalstm.corpora.splits import SPLITS
from metalstm.files import write_text
from metalstm.plan.job import SCORED_SPLITS, Plan
from metalstm.scoring import seen
from metalstm.stages import reports
from metalstm.tables.rows import DICTIONARY, NO_CELL


def run(plan: Plan) -> None:
    """Write metrics.json, as a run's, of what the mentions of the train file alone find in the other splits."""
    name = plan.parameters["corpus"]
    corpus = {split: columns.read(Path(plan.inputs[split])) for split in SPLITS}
    mentions = seen.mentions(*reports.earlier(corpus, "devel"))
    scores = {
        split: reports.of_split(
            corpus, split, seen.dictionary_labels(mentions, [sentence.tokens for sentence in corpus[split]])
        )
        for split in SCORED_SPLITS
    }
    named = {"setting": DICTIONARY, "scope": name, "cell": NO_CELL, "seeds": [], "corpora": [name]}
    metrics = {"run": named, "scores": {name: scores}, "train_on": "train"}
    write_text(Path(plan.outputs["metrics.json"]), json.dumps(metrics, indent=1, ensure_ascii=False) + "\n")
    print(f"{name}: strict F1 {scores['test']['strict']['f1']:.2f} on test with the mentions of train")
