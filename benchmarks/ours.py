"""Our side of the comparison with a peer: the same commands as `flair_peer.py`, the same lines of JSON.

    python benchmarks/ours.py train FILE [--batch N] [--steps N] [--words trained|static] [--cell CELL]
        [--characters cnn|lstm] [--kernels auto|off] [--save RUN]
    python benchmarks/ours.py tag RUN FILE OUT

FILE has token TAB label a line. `tag` is `metalstm tag --tokens` with a clock around the tagging alone.
"""

import argparse
import gc
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import side
import torch
from side import Clock

from metalstm import memory
from metalstm.corpora import columns
from metalstm.files import write_text
from metalstm.nn import storage
from metalstm.nn.batch import Batch, Numbered
from metalstm.nn.cells import REGISTRY
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions, Kernels, TaggerOptions
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


def made(
    lexicon: Lexicon, cell: str, kernels: Kernels, words: str = "trained", characters: Literal["cnn", "lstm"] = "cnn"
) -> Tagger:
    """An untrained tagger: 200 numbers a word, 50 features of its characters, 100 units a direction."""
    torch.manual_seed(1)
    cell_options = {name: size for name, size in SMALL_NETWORK.items() if name in REGISTRY[cell].options.model_fields}
    options = TaggerOptions(
        cell=cell,
        cell_options=cell_options,
        kernels=kernels,
        word_size=WORD_SIZE,
        tune_words=words == "trained",
        characters=CharacterOptions(encoder=characters),
    )
    return Tagger(lexicon, options).train()


def endless(sentences: Numbered, size: int) -> Iterator[Batch]:
    """The batches of epoch after epoch."""
    order = torch.Generator().manual_seed(1)
    for _ in itertools.count():
        yield from batches(sentences, whole(sentences), size, order)


def learn(tagger: Tagger, learner: Optimiser, batch: Batch) -> None:
    """What the training loop does with a batch."""
    learner.zero_grad()
    loss = tagger.add_gradients(batch)
    learner.clip(CLIP)
    loss.item()
    learner.step()


def train(arguments: argparse.Namespace) -> None:
    """Print the tokens and seconds of steps, making the batches included."""
    lexicon, sentences = prepared(arguments.file)
    tagger = made(lexicon, arguments.cell, arguments.kernels, arguments.words, arguments.characters)
    if arguments.save:
        storage.save(tagger, arguments.save)
    learner = optimiser(OptimiserOptions(), tagger, tagger.options.kernels)
    stream = endless(sentences, arguments.batch)
    for batch in itertools.islice(stream, WARM_UP):
        learn(tagger, learner, batch)
    tokens, clock = 0, Clock()
    for batch in itertools.islice(stream, arguments.steps):
        learn(tagger, learner, batch)
        tokens += int(batch.lengths.sum())
    side.show_training(tokens, clock.seconds())


def tag(arguments: argparse.Namespace) -> None:
    """Tag a file, and print the seconds from tokens to labels."""
    gc.disable()  # as the command does
    tagger = load(arguments.model)
    sentences = inputs.read_token_lines(arguments.file)
    clock = Clock()
    document = tag_sentences(tagger, sentences)
    seconds = clock.seconds()
    write_text(arguments.out, formats.render(document, "tsv"))
    side.show_tagging(seconds)


def main() -> None:
    commands = side.commands(__doc__, train, tag, steps=300)
    commands.train.add_argument("--cell", default="lstm")
    commands.train.add_argument("--words", choices=["trained", "static"], default="trained")
    commands.train.add_argument("--characters", choices=["cnn", "lstm"], default="cnn")
    commands.train.add_argument("--kernels", choices=["auto", "off"], default="auto")
    arguments = commands.parser.parse_args()
    memory.keep()
    torch.set_num_threads(1)
    arguments.command(arguments)


if __name__ == "__main__":
    main()
