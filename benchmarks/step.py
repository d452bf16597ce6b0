"""Where the time of a training step goes, what the kernels save, and how far the floor is.

    python benchmarks/step.py [CELL ...] [--train FILE] [--batch N ...] [--steps N] [--rounds N]

In one thread, in processor time, with 200 numbers a word, 50 features of characters and 100 units a direction. The
operations of the matrix products of a step are counted; the floor is the speed of a step that did nothing else, at the
rate of large products, and at the rate that this processor reaches for products of the shapes in use.
"""

import argparse
import itertools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import Row, alternating, corpus_file, report, row
from ours import CLIP, WARM_UP, WORD_SIZE, endless, learn, made, prepared
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from metalstm import memory
from metalstm.kernels.products import product
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.lookup import look_up
from metalstm.nn.tagger import Tagger
from metalstm.training.optimisers import Optimiser, optimiser
from metalstm.training.options import OptimiserOptions

TRAIN = Path("data/iobes/BC5CDR-chem/train.tsv")


class Clock:
    """Processor time by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def __call__(self, name: str, action: Callable[[], Any]) -> Any:
        """The result of `action`, and its time counted to `name`."""
        before = time.process_time()
        result = action()
        self.seconds[name] += time.process_time() - before
        return result


class Chain:
    """A network cut into parts, each with a forward and a backward pass of its own."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.links: list[tuple[str, tuple[Tensor, ...], list[Tensor], Tensor]] = []

    def __call__(self, name: str, part: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """`part(*inputs)`; every input is the output of an earlier part."""
        cut = [tensor.detach().requires_grad_() for tensor in inputs]
        output: Tensor = self.clock(f"{name}, forward", lambda: part(*cut))
        self.links.append((name, inputs, cut, output))
        return output

    def backward(self) -> None:
        """From the last part, a loss, to the first."""
        gradients: dict[int, Tensor | None] = {}
        for name, inputs, cut, output in reversed(self.links):
            self.clock(f"{name}, backward", partial(output.backward, gradients.get(id(output))))
            gradients |= {id(before): after.grad for before, after in zip(inputs, cut, strict=True)}


def learn_by_parts(tagger: Tagger, learner: Optimiser, batch: Batch, clock: Clock) -> None:
    """What `ours.learn` does, with a clock at every part; for networks with characters and without attention."""
    chain = Chain(clock)
    clock("optimiser", learner.zero_grad)
    spelled = chain("characters", lambda: tagger.characters(batch.spellings, batch.spelling_lengths))
    words = chain("embedding", lambda: tagger.words(batch.spelled_words))
    places = [batch.spelling_of, batch.spelling_of]
    features = chain("embedding", lambda *both: look_up(both, places, tagger.options.kernels), words, spelled)
    kept = chain("dropout", tagger.input_dropout, features)
    corpus = (batch.corpus,) if tagger.encoder.takes_corpus else ()
    states = chain("encoder", lambda inputs: tagger.encoder(inputs, batch.lengths, *corpus), kept)
    emissions = chain("emissions", tagger.emission, chain("dropout", tagger.output_dropout, states))
    crf = tagger.crf_of(batch)
    chain("CRF", lambda scores: crf.neg_log_likelihood(scores, batch.labels, batch.lengths).mean(), emissions)
    chain.backward()
    clock("clipping", lambda: learner.clip(CLIP))
    clock("optimiser", learner.step)


def speeds(taggers: dict[str, Tagger], sentences: Numbered, size: int, steps: int, rounds: int) -> list[list[float]]:
    """Tokens a second of each tagger in each round, in which one after the other learns from the same batches.

    Not from a batch each in turn: then each would find in the caches what the other has left there, as in no training.
    """
    learners = [optimiser(OptimiserOptions(), tagger, tagger.options.kernels) for tagger in taggers.values()]
    stream = endless(sentences, size)
    found = []
    for turn in range(1 + rounds):
        clock = Clock()
        few = itertools.islice(stream, WARM_UP if turn == 0 else steps)
        some = clock("batching", partial(list, few))
        for (name, tagger), learner in zip(taggers.items(), learners, strict=True):
            for batch in some:
                clock(name, partial(learn, tagger, learner, batch))
        tokens = sum(int(batch.lengths.sum()) for batch in some)
        found.append([tokens / (clock.seconds[name] + clock.seconds["batching"]) for name in taggers])
    return found[1:]


def parts(tagger: Tagger, sentences: Numbered, size: int, steps: int) -> dict[str, float]:
    """Microseconds a token of each part."""
    learner = optimiser(OptimiserOptions(), tagger, tagger.options.kernels)
    stream = endless(sentences, size)
    for batch in itertools.islice(stream, WARM_UP):
        learn_by_parts(tagger, learner, batch, Clock())
    clock, tokens = Clock(), 0
    for _ in range(steps):
        batch = clock("batching", lambda: next(stream))
        learn_by_parts(tagger, learner, batch, clock)
        tokens += int(batch.lengths.sum())
    return {name: 1e6 * seconds / tokens for name, seconds in clock.seconds.items()}


def flops_a_token(tagger: Tagger, sentences: Numbered, size: int) -> float:
    """Operations of matrix products in a step without kernels, counted; the kernels look characters up instead."""
    batch = next(endless(sentences, size))
    with FlopCounterMode(display=False) as counter:
        tagger.loss(batch).backward()
    counts = counter.get_flop_counts()
    spelling = counts[type(tagger.characters).__name__]
    # Without kernels a padded token costs what a real one does.
    return (sum(counts["Global"].values()) - sum(spelling.values())) / batch.words.numel()


def sgemm_gflops(rows: int = 768, inner: int = 768, columns: int = 768, rounds: int = 15) -> float:
    """Billions of floating-point operations a second in a float32 matrix product of this shape; large if not given.

    By the fastest of torch, numpy and our own kernels: on a processor that a library does not know it takes half the
    width of the registers.
    """
    a, b = torch.randn(rows, inner), torch.randn(inner, columns)
    out, ours = torch.empty(rows, columns), np.zeros((rows, columns), np.float32)
    operations = 2 * rows * inner * columns
    times = max(1, round(4e8 / operations))

    def repeated(multiply: Callable[[], object]) -> Callable[[], None]:
        def products() -> None:
            for _ in range(times):
                multiply()

        return products

    seconds = alternating(
        {
            "torch": repeated(lambda: torch.mm(a, b, out=out)),
            "numpy": repeated(lambda: np.matmul(a.numpy(), b.numpy(), out=out.numpy())),
            "kernels": repeated(lambda: product(a.numpy(), b.numpy(), ours)),
        },
        rounds=rounds,
    )
    return 1e-9 * times * operations / min(map(statistics.median, seconds.values()))


def rate_in_use(tagger: Tagger, size: int, time_steps: int) -> float:
    """GFLOP/s of an LSTM's products: those of all tokens at once, and those of one step after the other."""
    inputs, hidden = WORD_SIZE + tagger.characters.size, tagger.options.hidden_size
    tokens, gates = size * time_steps, 4 * hidden
    shapes = {
        (tokens, inputs, gates): 1,
        (tokens, gates, inputs): 1,
        (gates, tokens, inputs): 1,
        (gates, tokens, hidden): 1,
        (size, hidden, gates): time_steps,
        (size, gates, hidden): time_steps,
    }
    operations = {shape: 2e-9 * shape[0] * shape[1] * shape[2] * times for shape, times in shapes.items()}
    seconds = sum(operations[shape] / sgemm_gflops(*shape, rounds=7) for shape in shapes)
    return sum(operations.values()) / seconds


def measure(cell: str, size: int, lexicon: Lexicon, sentences: Numbered, options: argparse.Namespace) -> list[Row]:
    """The rows of one cell at one batch size."""
    about: dict[str, Any] = {"cell": cell, "batch": size}
    ways = ("auto", "off")
    found = speeds({way: made(lexicon, cell, way) for way in ways}, sentences, size, options.steps, options.rounds)
    rows = [
        row(f"kernels {way}", "tokens/s", rounds, task="training", **about)
        for way, rounds in zip(ways, zip(*found, strict=True), strict=True)
    ]
    tagger = made(lexicon, cell, "off")
    flops = flops_a_token(tagger, sentences, size)
    rows.append(row("counted", "MFLOP/token", [flops / 1e6], task="matrix products", **about))
    rates = {"large": sgemm_gflops(), "in use": rate_in_use(tagger, size, round(float(sentences.lengths.mean())))}
    for name, rate in rates.items():
        rows.append(row(f"products {name}", "GFLOP/s", [rate], task="rate", **about))
        rows.append(row(f"products {name}", "tokens/s", [1e9 * rate / flops], task="floor", **about))
    timed = parts(made(lexicon, cell, "auto"), sentences, size, options.steps)
    rows += [row(name, "us/token", [taken], task="part of a step", **about) for name, taken in timed.items()]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="*", default=["lstm", "metalstm"], metavar="CELL")
    parser.add_argument("--train", type=Path, default=TRAIN, help="token TAB label, as in data/iobes")
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="sentences a step")
    parser.add_argument("--steps", type=int, default=60, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not options.train.is_file():
        parser.error(
            f"{options.train} is not there: `snakemake data/iobes/BC5CDR-chem/train.tsv` makes it; or use --train"
        )
    memory.keep()
    torch.set_num_threads(1)
    threadpool_limits(1)  # numpy's products too, of which processor time is counted
    lexicon, sentences = prepared(options.train)
    alternating({"warm up": lambda: sgemm_gflops(rounds=1)}, rounds=1)
    rows = [
        one
        for cell in options.cells
        for size in options.batch
        for one in measure(cell, size, lexicon, sentences, options)
    ]
    report("step", rows, train=corpus_file(options.train))


if __name__ == "__main__":
    main()
