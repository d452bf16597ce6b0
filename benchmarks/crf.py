"""The CRF: loss with gradient, and the best path, in microseconds a token.

    python benchmarks/crf.py [--rounds N]

Compares the kernels, the plain version in `nn.crf` and pytorch-crf on the same emissions, in float32 on one thread.
"""

import argparse

import torch
import torchcrf
from measuring import alternating, machine
from torch import Tensor

from metalstm.nn.batch import real
from metalstm.nn.crf import LinearChainCRF

SIZES = [(5, 10), (5, 32), (9, 32), (30, 64)]
"""Labels, sentences of a batch."""
LONGEST = 40


def batch(labels: int, sentences: int) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions, gold labels and lengths of sentences of about the same length, as sorted batches have them."""
    lengths = torch.randint(LONGEST - 4, LONGEST + 1, (sentences,))
    lengths[0] = LONGEST  # pytorch-crf wants the longest one first
    emissions = torch.randn(sentences, LONGEST, labels).requires_grad_()
    return emissions, torch.randint(labels, (sentences, LONGEST)), lengths


def compare(labels: int, sentences: int, rounds: int) -> None:
    """Print a line for each of the two tasks."""
    torch.manual_seed(0)
    emissions, gold, lengths = batch(labels, sentences)
    mask = real(lengths, LONGEST)
    fast, plain = (LinearChainCRF(labels, kernels=kernels) for kernels in ("auto", "off"))
    theirs = torchcrf.CRF(labels, batch_first=True)

    def learn(module: torch.nn.Module, loss: Tensor) -> None:
        emissions.grad = None
        module.zero_grad()
        loss.mean().backward()

    tasks = {
        "loss and gradient": {
            "kernel": lambda: learn(fast, fast.neg_log_likelihood(emissions, gold, lengths)),
            "plain": lambda: learn(plain, plain.neg_log_likelihood(emissions, gold, lengths)),
            "pytorch-crf": lambda: learn(theirs, -theirs(emissions, gold, mask=mask, reduction="none")),
        },
        "best path": {
            "kernel": lambda: fast.decode(emissions, lengths),
            "plain": lambda: plain.decode(emissions, lengths),
            "pytorch-crf": lambda: theirs.decode(emissions, mask=mask),
        },
    }
    tokens = int(lengths.sum())
    for task, ways in tasks.items():
        seconds = alternating(ways, rounds=rounds)
        columns = [f"{name} {1e6 * taken / tokens:6.2f}" for name, taken in seconds.items()]
        ratios = [f"{seconds[name] / seconds['kernel']:5.1f} times {name}'s speed" for name in ("plain", "pytorch-crf")]
        print(
            f"{labels:2} labels, batch {sentences:2}, {task:17}  {'  '.join(columns)} us a token; {', '.join(ratios)}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="times that each way is measured")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    for labels, sentences in SIZES:
        compare(labels, sentences, arguments.rounds)
