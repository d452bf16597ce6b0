"""Recurrent layers: forward and backward in tokens a second, with kernels, without, and by torch.nn.LSTM.

    python benchmarks/layers.py [CELL ...] [--batch N ...] [--batches N] [--rounds N] [--hyper N] [--embedding N]

A bidirectional layer of 100 units a direction reads 250 features a token, on one thread. Sentences are as long as those
of BC5CDR (26 tokens on average) and sorted within pools of 50 batches, as in training; every round reads them all.
"""

import argparse
from functools import partial
from typing import Any

import torch
from measuring import Row, alternating, report, row
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from metalstm import memory
from metalstm.nn.cells import names, recurrent

INPUT, HIDDEN = 250, 100
POOL = 50
"""Batches among which sentences are sorted by length."""

TASKS = 3
"""Corpora whose sentences stand in turn in every batch, for a cell that has weights for each."""

Batch = tuple[Tensor, Tensor]


def draw(size: int, count: int) -> list[Batch]:
    """`count` batches of `size` sentences: inputs `[size, time, INPUT]` and lengths, longest first."""
    mean, shape = 26.0, 4.0
    lengths = torch.distributions.Gamma(shape, shape / mean).sample((count * size,)).round().long().clamp(1, 250)
    starts = range(0, len(lengths), POOL * size)
    pools = [lengths[start : start + POOL * size].sort(descending=True).values for start in starts]
    return [(torch.randn(size, int(some[0]), INPUT), some) for some in torch.cat(pools).view(count, size).unbind()]


class Packed(nn.Module):
    """torch.nn.LSTM on a PackedSequence: what torch's users write for ragged batches."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(INPUT, HIDDEN, bidirectional=True, batch_first=True)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        outputs, _ = self.lstm(pack_padded_sequence(inputs, lengths, batch_first=True))
        padded: Tensor = pad_packed_sequence(outputs, batch_first=True)[0]
        return padded


def learn(layer: nn.Module, batches: list[Batch]) -> None:
    """Outputs and the gradients of inputs and weights."""
    for inputs, lengths in batches:
        inputs.requires_grad_().grad = None
        layer.zero_grad()
        corpus = [torch.arange(len(lengths)) % TASKS] if getattr(layer, "takes_corpus", False) else []
        layer(inputs, lengths, *corpus).sum().backward()


def compare(cell: str, options: dict[str, Any], batches: list[Batch], rounds: int) -> list[Row]:
    """Tokens a second of each way."""
    layers = {
        "kernel": recurrent(cell, INPUT, HIDDEN, **options),
        "loop": recurrent(cell, INPUT, HIDDEN, **options, kernels="off"),
        "torch.nn.LSTM": Packed(),
    }
    ways = {name: partial(learn, layer, batches) for name, layer in layers.items()}
    tokens = sum(int(lengths.sum()) for _, lengths in batches)
    about: dict[str, Any] = {"task": "layer, forward and backward", "cell": cell, "batch": len(batches[0][1])}
    taken = alternating(ways, rounds=rounds, warm_up=1)
    return [row(way, "tokens/s", [tokens / one for one in seconds], **about) for way, seconds in taken.items()]


def sizes(cell: str, hyper: int, embedding: int) -> dict[str, Any]:
    """The options of a cell that has a small network."""
    if cell == "metamtl":
        return {"num_tasks": TASKS, "meta_size": hyper, "embedding_size": embedding}
    return {"hyper_size": hyper, "embedding_size": embedding} if "meta" in cell else {}


def main() -> None:
    """Compare all cells that were named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="*", default=names())
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="sentences of a batch")
    parser.add_argument("--batches", type=int, default=POOL)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hyper", type=int, default=32, help="units of a small network")
    parser.add_argument("--embedding", type=int, default=8, help="size of its z")
    chosen = parser.parse_args()
    memory.keep()  # as a training does
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows: list[Row] = []
    for size in chosen.batch:
        batches = draw(size, chosen.batches)
        for cell in chosen.cells:
            rows += compare(cell, sizes(cell, chosen.hyper, chosen.embedding), batches, chosen.rounds)
    report("layers", rows)


if __name__ == "__main__":
    main()
