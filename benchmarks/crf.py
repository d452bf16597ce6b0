"""The CRF: loss with gradient, and the best path, in microseconds a token.

    python benchmarks/crf.py [--rounds N]

Compares the kernels, the plain version in `nn.crf` and, where it is installed, pytorch-crf on the same emissions, in
float32 in one thread.
"""

import argparse
from collections.abc import Callable

import torch
from measuring import Row, alternating, report, row
from torch import Tensor

from metalstm.nn.batch import real
from metalstm.nn.crf import LinearChainCRF

try:
    import torchcrf
except ImportError:
    torchcrf = None

SIZES = [(5, 10), (5, 32), (9, 32), (30, 64)]
"""Labels, sentences of a batch."""
LONGEST = 40


def batch(labels: int, sentences: int) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions, gold labels and lengths of sentences of about the same length, as sorted batches have them."""
    lengths = torch.randint(LONGEST - 4, LONGEST + 1, (sentences,))
    lengths[0] = LONGEST  # pytorch-crf wants the longest one first
    emissions = torch.randn(sentences, LONGEST, labels).requires_grad_()
    return emissions, torch.randint(labels, (sentences, LONGEST)), lengths


def compare(labels: int, sentences: int, rounds: int) -> list[Row]:
    """The rows of both tasks at one size."""
    torch.manual_seed(0)
    emissions, gold, lengths = batch(labels, sentences)
    mask = real(lengths, LONGEST)
    tokens = int(lengths.sum())

    def learn(module: torch.nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
        def learned() -> None:
            emissions.grad = None
            module.zero_grad()
            loss().mean().backward()

        return learned

    learning, decoding = {}, {}
    for way, kernels in (("kernel", "auto"), ("plain", "off")):
        crf = LinearChainCRF(labels, kernels=kernels)
        learning[way] = learn(crf, lambda crf=crf: crf.neg_log_likelihood(emissions, gold, lengths))
        decoding[way] = lambda crf=crf: crf.decode(emissions, lengths)
    if torchcrf is not None:
        theirs = torchcrf.CRF(labels, batch_first=True)
        learning["pytorch-crf"] = learn(theirs, lambda: -theirs(emissions, gold, mask=mask, reduction="none"))
        decoding["pytorch-crf"] = lambda: theirs.decode(emissions, mask=mask)
    return [
        row(way, "us/token", [1e6 * taken / tokens for taken in seconds], task=task, labels=labels, batch=sentences)
        for task, ways in (("loss and gradient", learning), ("best path", decoding))
        for way, seconds in alternating(ways, rounds=rounds).items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="times that each way is measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if torchcrf is None:
        print("pytorch-crf: absent")
    report("crf", [one for labels, sentences in SIZES for one in compare(labels, sentences, options.rounds)])


if __name__ == "__main__":
    main()
