"""Whole training steps: tokens a second with and without kernels, where the time goes, and how fast it could be.

    python benchmarks/training.py [CELL ...] [--train FILE] [--batch N ...] [--steps N]

On one thread, in processor time, with the default network. The floor is the time that the matrix products of a step
would take at the rate of large ones; whatever else a step does comes on top of it.
"""

import argparse
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measuring import machine, sgemm_gflops
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from metalstm.corpora import columns
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import Kernels, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.training.batches import Example, batches, number
from metalstm.training.optimisers import Optimiser, optimiser
from metalstm.training.options import OptimiserOptions

CLIP = 5.0
WARM_UP = 5
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
        output: Tensor = self.clock(name, lambda: part(*cut))
        self.links.append((name, inputs, cut, output))
        return output

    def backward(self) -> None:
        """From the last part, a loss, to the first."""
        gradients: dict[int, Tensor | None] = {}
        for name, inputs, cut, output in reversed(self.links):
            self.clock(name, partial(output.backward, gradients.get(id(output))))
            gradients |= {id(before): after.grad for before, after in zip(inputs, cut, strict=True)}


def learn(tagger: Tagger, learner: Optimiser, batch: Batch) -> None:
    """What the training loop does with a batch."""
    learner.zero_grad()
    loss = tagger.loss(batch)
    loss.backward()
    learner.clip(CLIP)
    loss.item()
    learner.step()


def learn_by_parts(tagger: Tagger, learner: Optimiser, batch: Batch, clock: Clock) -> None:
    """The same, with a clock at every part; for networks with characters and without attention."""
    chain = Chain(clock)
    clock("update", learner.zero_grad)
    spelled = chain("characters", lambda: tagger.characters(batch.spellings, batch.spelling_lengths))
    words = chain("words", lambda: tagger.words(batch.spelled_words))
    features = chain(
        "words", lambda *both: functional.embedding(batch.spelling_of, torch.cat(both, dim=1)), words, spelled
    )
    kept = chain("dropout", tagger.input_dropout, features)
    corpus = (batch.corpus,) if tagger.encoder.takes_corpus else ()
    states = chain("cells", lambda inputs: tagger.encoder(inputs, batch.lengths, *corpus), kept)
    emissions = chain("emissions", tagger.emission, chain("dropout", tagger.output_dropout, states))
    chain("CRF", lambda scores: tagger.crf.neg_log_likelihood(scores, batch.labels, batch.lengths).mean(), emissions)
    chain.backward()
    clock("update", lambda: learner.clip(CLIP))
    clock("update", learner.step)


def made(sentences: Numbered, size: int, count: int) -> Iterator[tuple[bool, float, Batch]]:
    """Batches of as many epochs as it takes: whether they count, the seconds that they took, and they themselves."""
    order = torch.Generator().manual_seed(1)
    endless = itertools.chain.from_iterable(batches(sentences, size, order) for _ in itertools.count())
    for turn in range(WARM_UP + count):
        before = time.process_time()
        batch = next(endless)
        yield turn >= WARM_UP, time.process_time() - before, batch


def speeds(taggers: dict[str, Tagger], sentences: Numbered, size: int, count: int) -> dict[str, float]:
    """Tokens a second of each tagger; all of them learn from a batch before the next one comes."""
    learners = {name: optimiser(OptimiserOptions(), tagger) for name, tagger in taggers.items()}
    clock, tokens, making = Clock(), 0, 0.0
    for counts, seconds, batch in made(sentences, size, count):
        for name, tagger in taggers.items():
            clock(name if counts else "", partial(learn, tagger, learners[name], batch))
        tokens += int(batch.lengths.sum()) if counts else 0
        making += seconds if counts else 0.0
    return {name: tokens / (clock.seconds[name] + making) for name in taggers}


def shares(tagger: Tagger, sentences: Numbered, size: int, count: int) -> str:
    """Microseconds a token of each part, forward and backward together, the dearest first."""
    learner = optimiser(OptimiserOptions(), tagger)
    clock, tokens = Clock(), 0
    for counts, seconds, batch in made(sentences, size, count):
        learn_by_parts(tagger, learner, batch, clock if counts else Clock())
        clock.seconds["batches"] += seconds if counts else 0.0
        tokens += int(batch.lengths.sum()) if counts else 0
    total = sum(clock.seconds.values())
    dearest = sorted(clock.seconds.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {1e6 * taken / tokens:.2f} ({taken / total:.0%})" for name, taken in dearest)


def flops_a_token(tagger: Tagger, sentences: Numbered, size: int) -> float:
    """Operations of matrix products in a step without kernels, counted; the kernels look characters up instead."""
    *_, (_, _, batch) = made(sentences, size, 1)
    with FlopCounterMode(display=False) as counter:
        tagger.loss(batch).backward()
    counts = counter.get_flop_counts()
    spelling = counts[type(tagger.characters).__name__]
    return (sum(counts["Global"].values()) - sum(spelling.values())) / int(batch.lengths.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="*", default=["lstm"], metavar="CELL")
    parser.add_argument("--train", type=Path, default=TRAIN, help="token TAB label, as in data/iobes")
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="sentences a step")
    parser.add_argument("--steps", type=int, default=60, help="steps that are measured")
    arguments = parser.parse_args()
    if not arguments.train.is_file():
        parser.error(f"{arguments.train} is not there: make it by `snakemake corpora`, or name another by --train")

    torch.set_num_threads(1)
    rate = sgemm_gflops()
    print(machine())
    print(f"large float32 products: {rate:.0f} GFLOP/s")
    text = columns.read(arguments.train)
    lexicon = Lexicon.build((sentence.tokens, sentence.labels) for sentence in text)
    sentences = number([Example(sentence.tokens, sentence.labels, "") for sentence in text], lexicon)

    def tagger(cell: str, kernels: Kernels) -> Tagger:
        torch.manual_seed(1)
        return Tagger(lexicon, TaggerOptions(cell=cell, kernels=kernels)).train()

    for cell in arguments.cells:
        for size in arguments.batch:
            found = speeds({way: tagger(cell, way) for way in ("auto", "off")}, sentences, size, arguments.steps)
            flops = flops_a_token(tagger(cell, "off"), sentences, size)
            print(
                f"\n{cell}, batch {size}: {found['auto']:,.0f} tokens/s with kernels, {found['off']:,.0f} without "
                f"({found['auto'] / found['off']:.1f} times as fast); "
                f"floor {1e9 * rate / flops:,.0f} ({flops / 1e6:.2f} MFLOP a token)"
            )
            print(f"  us a token: {shares(tagger(cell, 'auto'), sentences, size, arguments.steps)}")


if __name__ == "__main__":
    main()
