"""Optimisers: a step by kernels beside torch's own, and the norm of a gradient.

    python benchmarks/optimisers.py [--train FILE] [--rounds N]

Microseconds for all weights of an `lstm` tagger, in one thread: those of the rows of its word table that a batch of ten
sentences reads, which are trained on, and all others. The gradient is one batch's, again and again.
"""

import argparse
import inspect
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


def compare(tagger: Tagger, options: OptimiserOptions, rounds: int) -> list[Row]:
    """The rows of one optimiser: its step, and clipping before it."""
    learners = {way: optimiser(options, tagger, kernels) for way, kernels in WAYS.items()}
    name = f"{options.name}, momentum {options.momentum}" if options.momentum else options.name
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


def compare_descent(tagger: Tagger, rounds: int) -> list[Row]:
    """sgd without momentum, which is left to torch, and compiled loops: over the rows of words, over other weights."""
    (table,) = tagger.row_parameters()
    gradient = table.grad.coalesce()
    rows, values, words = gradient._indices()[0].numpy(), gradient._values().numpy(), table.detach().numpy()
    dense = [parameter for parameter in tagger.dense_parameters() if parameter.grad is not None]
    pairs = [(parameter.detach().numpy().reshape(-1), parameter.grad.numpy().reshape(-1)) for parameter in dense]
    sgd = torch.optim.SGD(dense, lr=RATE, fused=True)
    ways: dict[str, dict[str, Callable[[], object]]] = {
        "step, rows alone": {
            "kernel": lambda: descend_rows(words, rows, values, np.float32(RATE)),
            "torch": lambda: table.data.add_(gradient, alpha=-RATE),
        },
        "step, other weights": {
            "kernel": lambda: [descend(*pair, np.float32(RATE)) for pair in pairs],
            "torch": lambda: inspect.unwrap(torch.optim.SGD.step)(sgd),
        },
    }
    return [
        row(way, "us", [1e6 * one / REPEATED for one in seconds], task=task, optimiser="sgd")
        for task, of_task in ways.items()
        for way, seconds in alternating({way: repeated(do) for way, do in of_task.items()}, rounds=rounds).items()
    ]


@compiled
def descend_rows(table: Array, rows: Array, gradient: Array, rate: float) -> None:
    """`table[rows] -= rate * gradient`, where a row may be named twice."""
    for i in range(len(rows)):
        for j in range(gradient.shape[1]):
            table[rows[i], j] -= rate * gradient[i, j]


@compiled
def descend(weights: Array, gradient: Array, rate: float) -> None:
    """`weights -= rate * gradient`, one number after the other."""
    for j in range(len(weights)):
        weights[j] -= rate * gradient[j]


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
    each = [OptimiserOptions(learning_rate=RATE, momentum=0.9)]
    each += [OptimiserOptions(name=name, learning_rate=RATE) for name in names if name != "sgd"]
    rows = [one for settings in each for one in compare(tagger, settings, options.rounds)]
    with torch.no_grad():
        rows += compare_descent(tagger, options.rounds)
    report("optimisers", rows, train=corpus_file(options.train))


if __name__ == "__main__":
    main()
