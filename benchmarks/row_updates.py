"""Updates of the rows of a word table that a batch has read: torch's sparse operations and a compiled loop.

    python benchmarks/row_updates.py [--rounds N]

Microseconds a step, in one thread, for a table of 16,000 words of 200 numbers. SGD adds a sparse gradient; what is held
against it is a loop over its rows, with what it takes to get at them. SparseAdam is torch's.
"""

import argparse
from typing import Any

import numpy as np
import torch
from measuring import Row, alternating, report, row

from metalstm.kernels.compilation import compiled

WORDS, SIZE = 16_000, 200
RATE = 0.01
REPEATED = 20


@compiled
def descend(table: Any, rows: Any, gradient: Any, rate: Any) -> None:
    """`table[rows] -= rate * gradient`, where a row may be named twice."""
    for i in range(len(rows)):
        for j in range(gradient.shape[1]):
            table[rows[i], j] -= rate * gradient[i, j]


def compare(read: int, rounds: int) -> list[Row]:
    """The rows of results for batches that read so many different words."""
    table = torch.nn.Parameter(torch.randn(WORDS, SIZE))
    rows = torch.randperm(WORDS)[:read].sort().values.unsqueeze(0)
    gradient = torch.sparse_coo_tensor(rows, torch.randn(read, SIZE), table.shape, is_coalesced=True)
    table.grad = gradient
    adam = torch.optim.SparseAdam([table], lr=RATE)
    rate = np.float32(RATE)

    def add() -> None:
        for _ in range(REPEATED):
            table.data.add_(gradient, alpha=-RATE)

    def loop() -> None:
        for _ in range(REPEATED):
            descend(table.detach().numpy(), gradient._indices()[0].numpy(), gradient._values().numpy(), rate)

    def step() -> None:
        for _ in range(REPEATED):
            adam.step()

    taken = alternating({"torch's sparse add": add, "compiled loop": loop, "SparseAdam": step}, rounds=rounds)
    return [
        row(way, "us", [1e6 * one / REPEATED for one in seconds], task="update of rows", words=read)
        for way, seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    report("row_updates", [one for read in (150, 400) for one in compare(read, options.rounds)])


if __name__ == "__main__":
    main()
