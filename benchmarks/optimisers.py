"""Optimisers: a step by kernels beside torch's own, and the norm of a gradient.

    python benchmarks/optimisers.py [--train FILE] [--rounds N]

Microseconds for all weights of an `lstm` tagger, in one thread: those of the rows of its word table that a batch of ten
sentences reads, which are trained on, and all others. The gradient is one batch's, again and again.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from measuring import Row, alternating, corpus_file, report, row
from ours import CLIP, endless, made, prepared

from metalstm.kernels.compilation import compiled
from metalstm.nn.tagger import Tagger
from metalstm.training.optimisers import Optimiser, optimiser
from metalstm.training.options import OptimiserOptions

RATE = 1e-6
"""So low that the weights stay where the gradient is that of the batch."""
REPEATED = 20
WAYS = {"kernel": "auto", "torch": "off"}
Array = np.ndarray


def compare(tagger: Tagger, name: str, rounds: int) -> list[Row]:
    """The rows of one optimiser: its step, and clipping before it."""
    learners = {
        way: optimiser(OptimiserOptions(name=name, learning_rate=RATE), tagger, kernels)
        for way, kernels in WAYS.items()
    }
    tasks: dict[str, Callable[[Optimiser], object]] = {
        "clipping": lambda learner: learner.clip(CLIP),
        "step": lambda learner: learner.step(),
    }
    found = []
    for task, do in tasks.items():
        ways = {way: repeated(lambda learner=learner, do=do: do(learner)) for way, learner in learners.items()}
        for way, seconds in alternating(ways, rounds=rounds).items():
            taken = [1e6 * one / REPEATED for one in seconds]
            found.append(row(way, "us", taken, task=task, optimiser=name))
    return found


def compare_rows(tagger: Tagger, rounds: int) -> list[Row]:
    """sgd on rows, for which there is no kernel: torch adds a sparse gradient, and a compiled loop would."""
    (table,) = tagger.row_parameters()
    gradient = table.grad.coalesce()
    weights, rate = table.detach().numpy(), np.float32(RATE)

    def add() -> None:
        table.data.add_(gradient, alpha=-RATE)

    def loop() -> None:
        descend(weights, gradient._indices()[0].numpy(), gradient._values().numpy(), rate)

    ways = {"kernel": repeated(loop), "torch": repeated(add)}
    return [
        row(way, "us", [1e6 * one / REPEATED for one in seconds], task="step, rows alone", optimiser="sgd")
        for way, seconds in alternating(ways, rounds=rounds).items()
    ]


@compiled
def descend(table: Array, rows: Array, gradient: Array, rate: float) -> None:
    """`table[rows] -= rate * gradient`, where a row may be named twice."""
    for i in range(len(rows)):
        for j in range(gradient.shape[1]):
            table[rows[i], j] -= rate * gradient[i, j]


def repeated(once: Callable[[], object]) -> Callable[[], None]:
    """`once`, often enough for the clock."""

    def often() -> None:
        for _ in range(REPEATED):
            once()

    return often


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, default=Path("data/iobes/BC5CDR-chem/train.tsv"))
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lexicon, sentences = prepared(options.train)
    tagger = made(lexicon, "lstm", "auto")
    tagger.add_gradients(next(endless(sentences, 10)))
    names = get_args(OptimiserOptions.model_fields["name"].annotation)
    rows = [one for name in names for one in compare(tagger, name, options.rounds)]
    rows += compare_rows(tagger, options.rounds)
    report("optimisers", rows, train=corpus_file(options.train))


if __name__ == "__main__":
    main()
