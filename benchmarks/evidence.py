"""How to choose where evidence is used: by a part of a devel file, judged by what is left of it.

    python benchmarks/evidence.py --study FOLDER

For the runs of a study that has all predictions. A devel file falls into 2, 4 or 10 parts of sentences that follow one
another. A kind is used in a part, in order, if it gains more than a threshold (or costs less than that) in F1 of all
other parts together. What the kinds used gain in F1 of the whole file is averaged over the seeds of a model and corpus.
Test files are not read.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metalstm.plan import job
from metalstm.plan.job import PLANS
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.evidence import KINDS, by_kind
from metalstm.scoring.known import known_names
from metalstm.stages import reports
from metalstm.stages.sentences import by_corpus

FOLDS = (2, 4, 10)
THRESHOLDS = (0.5, 0.2, 0.0, -0.2, -0.5, -1.0, -2.0)

Used = tuple[bool, ...]
"""Which of `KINDS`, in their order."""
Counts = NDArray[np.int64]
"""Mentions of each sentence that are right, predicted and gold, `[sentences, 3]`."""
Gain = Callable[[Used], float]
Runs = dict[tuple[str, str, str], list[dict[Used, Counts]]]
"""Of the seeds of each setting, corpus and cell."""


def counts(plan: job.Plan, corpus: str) -> dict[Used, Counts]:
    """Those of the devel file of a run, for every choice of kinds."""
    own = {split: by_corpus(plan, split)[corpus] for split in ("train", "devel")}
    tokens = [sentence.tokens for sentence in own["devel"]]
    gold = [set(strict_entities(sentence.labels)) for sentence in own["devel"]]
    train = own["train"]
    rules = by_kind(known_names([one.tokens for one in train], [one.labels for one in train]))
    predicted = reports.predicted(Path(plan.inputs[f"{corpus}.devel"]), own["devel"], "devel", corpus)
    found: dict[Used, Counts] = {}
    for used in product((False, True), repeat=len(KINDS)):
        labels = predicted
        for kind, is_used in zip(KINDS, used, strict=True):
            labels = rules[kind](tokens, labels) if is_used else labels
        mentions = [set(strict_entities(sentence)) for sentence in labels]
        found[used] = np.array([(len(g & m), len(m), len(g)) for g, m in zip(gold, mentions, strict=True)])
    return found


def f1(of: Counts) -> float:
    """Strict F1 in per cent."""
    right, predicted, gold = of.sum(axis=0).tolist()
    return 200 * right / (predicted + gold) if predicted + gold else 0.0


def chosen(gain: Gain, threshold: float) -> Used:
    """The kinds whose gain over those used before them is above the threshold."""
    used = [False] * len(KINDS)
    for kind in range(len(KINDS)):
        tried = (*used[:kind], True, *used[kind + 1 :])
        used[kind] = gain(tried) - gain(tuple(used)) > threshold
    return tuple(used)


def held_out_gain(run: dict[Used, Counts], threshold: float | None, folds: int) -> float:
    """What the kinds chosen by all other folds gain, over the whole file; without a threshold every kind is used."""
    plain = run[(False,) * len(KINDS)]
    fold_of = np.arange(len(plain)) * folds // len(plain)
    judged = np.zeros_like(plain)
    for fold in range(folds):
        others = fold_of != fold

        def gain(used: Used, others: NDArray[np.bool_] = others) -> float:
            return f1(run[used][others])

        used = (True,) * len(KINDS) if threshold is None else chosen(gain, threshold)
        judged[~others] = run[used][~others]
    return f1(judged) - f1(plain)


def main() -> None:
    """Print a line for each way to choose."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, required=True, help="the folder of a finished study")
    os.chdir(parser.parse_args().study)
    runs: Runs = defaultdict(list)
    for path in sorted((PLANS / "score").rglob("seed-*.json")):
        plan = job.read(path)
        if not Path(plan.inputs["training.json"]).is_file():
            continue
        for corpus in plan.parameters["corpora"]:
            runs[plan.parameters["setting"], corpus, plan.parameters["cell"]].append(counts(plan, corpus))
    print(f"{len(runs)} models of a corpus, {sum(map(len, runs.values()))} runs; beside the choice of what gains:")
    for folds in FOLDS:
        beside = of_models(runs, 0.0, folds)
        for threshold in (*THRESHOLDS, None):
            gains = of_models(runs, threshold, folds)
            name = "every kind" if threshold is None else f"more than {threshold:+g}"
            more = gains - beside
            error = more.std(ddof=1) / len(more) ** 0.5
            print(f"{folds:2} folds, {name:15} {gains.mean():+.2f}; {more.mean():+.2f}, standard error {error:.2f}")


def of_models(runs: Runs, threshold: float | None, folds: int) -> NDArray[np.float64]:
    """The mean over the seeds of each model, `[models]`."""
    return np.array([np.mean([held_out_gain(run, threshold, folds) for run in seeds]) for seeds in runs.values()])


if __name__ == "__main__":
    main()
