"""Our side of the comparison with a peer: the same commands as `flair_peer.py`, the same lines of JSON.

    python benchmarks/ours.py train FILE [--batch N] [--steps N] [--cell CELL] [--kernels auto|off] [--save RUN]
    python benchmarks/ours.py tag RUN FILE OUT

FILE has token TAB label a line. `tag` is `metalstm tag --tokens` with a clock around the tagging alone.
"""

import argparse
import gc
import itertools
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from metalstm.corpora import columns
from metalstm.files import write_text
from metalstm.nn import storage
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.cells import REGISTRY
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import Kernels, TaggerOptions
from metalstm.nn.tagger import Tagger
from metalstm.tagging import formats, inputs
from metalstm.tagging.tag import load, tag_sentences
from metalstm.training.batches import Example, batches, number, whole
from metalstm.training.optimisers import Optimiser, optimiser
from metalstm.training.options import OptimiserOptions

CLIP = 5.0
WARM_UP = 10
WORD_SIZE = 200
SMALL_NETWORK = {"hyper_size": 32, "embedding_size": 8}
"""Of a cell that has one."""


def prepared(path: Path) -> tuple[Lexicon, Numbered]:
    """The names in a train file, and its sentences as numbers."""
    text = columns.read(path)
    lexicon = Lexicon.build((sentence.tokens, sentence.labels) for sentence in text)
    return lexicon, number([Example(sentence.tokens, sentence.labels, "") for sentence in text], lexicon)


def made(lexicon: Lexicon, cell: str, kernels: Kernels) -> Tagger:
    """An untrained tagger: 200 numbers a word, 50 features of its characters, 100 units a direction."""
    torch.manual_seed(1)
    cell_options = {name: size for name, size in SMALL_NETWORK.items() if name in REGISTRY[cell].options.model_fields}
    options = TaggerOptions(cell=cell, cell_options=cell_options, kernels=kernels, word_size=WORD_SIZE)
    return Tagger(lexicon, options).train()


def endless(sentences: Numbered, size: int) -> Iterator[Batch]:
    """The batches of epoch after epoch."""
    order = torch.Generator().manual_seed(1)
    for _ in itertools.count():
        yield from batches(sentences, whole(sentences), size, order)


def learn(tagger: Tagger, learner: Optimiser, batch: Batch) -> None:
    """What the training loop does with a batch."""
    learner.zero_grad()
    loss = tagger.loss(batch)
    loss.backward()
    learner.clip(CLIP)
    loss.item()
    learner.step()


def train(arguments: argparse.Namespace) -> None:
    """Print the tokens and seconds of steps, making the batches included."""
    lexicon, sentences = prepared(arguments.file)
    tagger = made(lexicon, arguments.cell, arguments.kernels)
    if arguments.save:
        storage.save(tagger, arguments.save)
    learner = optimiser(OptimiserOptions(), tagger)
    stream = endless(sentences, arguments.batch)
    for batch in itertools.islice(stream, WARM_UP):
        learn(tagger, learner, batch)
    tokens, wall, cpu = 0, time.perf_counter(), time.process_time()
    for batch in itertools.islice(stream, arguments.steps):
        learn(tagger, learner, batch)
        tokens += int(batch.lengths.sum())
    print(
        json.dumps(
            {
                "tokens": tokens,
                "wall_seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
            }
        )
    )


def tag(arguments: argparse.Namespace) -> None:
    """Tag a file, and print the seconds from tokens to labels."""
    gc.disable()  # as the command does
    tagger = load(arguments.run)
    sentences = inputs.read_token_lines(arguments.file)
    wall, cpu = time.perf_counter(), time.process_time()
    document = tag_sentences(tagger, sentences)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    write_text(arguments.out, formats.render(document, "tsv"))
    print(json.dumps({"wall_seconds": wall, "cpu_seconds": cpu}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train")
    training.add_argument("file", type=Path)
    training.add_argument("--batch", type=int, default=10)
    training.add_argument("--steps", type=int, default=300)
    training.add_argument("--cell", default="lstm")
    training.add_argument("--kernels", choices=["auto", "off"], default="auto")
    training.add_argument("--save", type=Path, help="folder for the untrained tagger")
    training.set_defaults(command=train)
    tagging = commands.add_parser("tag")
    tagging.add_argument("run", type=Path)
    tagging.add_argument("file", type=Path)
    tagging.add_argument("out", type=Path)
    tagging.set_defaults(command=tag)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.command(arguments)


if __name__ == "__main__":
    main()
