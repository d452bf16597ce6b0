"""Train one tagger, and let it tag the development and test files of its corpora."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from metalstm.corpora import columns, joint
from metalstm.corpora.columns import Sentence
from metalstm.files import write_text
from metalstm.nn import storage
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import TaggerOptions
from metalstm.nn.tagger import Tagger, num_parameters
from metalstm.plan.job import SCORED_SPLITS, SPLITS, Plan
from metalstm.scoring.scores import strict_f1
from metalstm.stages import manifest
from metalstm.stages.sentences import by_corpus
from metalstm.stages.versions import versions
from metalstm.tagging.tag import Tagged, tag_tokens
from metalstm.tracking import LiveRun
from metalstm.training import checkpoints
from metalstm.training.batches import Example
from metalstm.training.epochs import Outcome
from metalstm.training.history import as_csv
from metalstm.training.loop import fit
from metalstm.training.options import TrainingOptions
from metalstm.vectors import load

Corpora = dict[str, list[Sentence]]


def run(plan: Plan) -> None:
    """Train as `plan` says; write the model, its history, its cost and its predictions.

    A training that was stopped goes on after its last whole epoch.
    """
    torch.set_num_threads(1)
    chosen = plan.parameters
    training = TrainingOptions.model_validate(chosen["training"])
    data = {split: by_corpus(plan, split) for split in SPLITS}
    examples = list(_examples(data, training.train_on, joined=chosen["joint"]))
    torch.manual_seed(chosen["seed"])
    tagger = _tagger(plan, examples)
    folder = Path(plan.outputs["model.json"]).parent

    with LiveRun(plan) as tracked:
        outcome = fit(
            tagger,
            examples,
            training,
            seed=chosen["seed"],
            devel_score=lambda tagger: _mean_f1(tagger, data["devel"], joined=chosen["joint"]),
            folder=folder,
            identity=json.dumps(manifest.basis(plan)),
            on_epoch=tracked.epoch,
        )
    removed = _predict(plan, tagger, data)
    write_text(Path(plan.outputs["history.csv"]), as_csv(outcome.history))
    write_text(
        Path(plan.outputs["training.json"]), json.dumps(_record(plan, tagger, outcome, removed), indent=1) + "\n"
    )
    named = {name: chosen[name] for name in ("setting", "scope", "cell", "seed", "joint")}
    storage.save(tagger, folder, extra=named)
    checkpoints.remove(folder)


def _examples(data: dict[str, Corpora], train_on: str, *, joined: bool) -> Iterable[Example]:
    for split in train_on.split("+"):
        for corpus, sentences in data[split].items():
            for sentence in sentences:
                shown = joint.tag(sentence, corpus) if joined else sentence
                yield Example(shown.tokens, shown.labels, corpus)


def _tagger(plan: Plan, examples: list[Example]) -> Tagger:
    vectors = load.load(Path(plan.inputs["vectors"]))
    lexicon = Lexicon.build(
        ((example.tokens, example.labels) for example in examples),
        extra_words=vectors.words,
        corpora=plan.parameters["corpora"],
    )
    options = TaggerOptions.model_validate(plan.parameters["tagger"])
    rows = load.lookup(lexicon.words, vectors) if vectors.words else None
    return Tagger(lexicon, options, None if rows is None else torch.from_numpy(np.ascontiguousarray(rows)))


def _tag(tagger: Tagger, sentences: list[Sentence], corpus: str, *, joined: bool) -> Tagged:
    return tag_tokens(tagger, [sentence.tokens for sentence in sentences], corpus if joined else None)


def _mean_f1(tagger: Tagger, devel: Corpora, *, joined: bool) -> float:
    """The mean over the corpora of the strict F1 on each one's own development file."""
    scores = [
        strict_f1([sentence.labels for sentence in sentences], _tag(tagger, sentences, corpus, joined=joined).labels)
        for corpus, sentences in devel.items()
    ]
    return sum(scores) / len(scores)


def _predict(plan: Plan, tagger: Tagger, data: dict[str, Corpora]) -> dict[str, int]:
    """Write token, gold label and predicted label; return how many stray task labels were removed from each file."""
    removed = {}
    for split in SCORED_SPLITS:
        for corpus, sentences in data[split].items():
            tagged = _tag(tagger, sentences, corpus, joined=plan.parameters["joint"])
            columns.write_predictions(Path(plan.outputs[f"{corpus}.{split}"]), sentences, tagged.labels)
            removed[f"{corpus}.{split}"] = tagged.task_labels_removed
    return removed


def _record(plan: Plan, tagger: Tagger, outcome: Outcome, removed: dict[str, int]) -> dict[str, object]:
    return {
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.history),
        "train_on": plan.parameters["training"]["train_on"],
        "wall_seconds": round(outcome.wall_seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "tokens_per_second": round(outcome.tokens_per_second, 1),
        "peak_memory_mb": round(outcome.peak_memory_mb, 1),
        "parameters": num_parameters(tagger),
        "task_labels_removed": removed,
        "versions": versions(),
        "plan": {"code": plan.code, **plan.parameters},
    }
