"""Features of words from their characters, forward and backward, in microseconds a distinct word.

    python benchmarks/characters.py [--train FILE] [--batch N ...] [--batches N] [--rounds N]

50 features of characters of 30 values each, in one thread, for the distinct words of batches of the train file. The
convolution: the kernel and the plain version; the LSTM: both, and torch.nn.LSTM on packed words.
"""

import argparse
import itertools
from functools import partial
from pathlib import Path

import torch
from measuring import Row, alternating, corpus_file, report, row
from ours import endless, prepared
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from metalstm import memory
from metalstm.nn.batch import Batch
from metalstm.nn.characters import character_encoder
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import CharacterOptions

TRAIN = Path("data/iobes/BC5CDR-chem/train.tsv")


class Packed(nn.Module):
    """torch.nn.LSTM on a PackedSequence, as many taggers read characters."""

    def __init__(self, characters: int, options: CharacterOptions) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, options.embedding_size)
        self.lstm = nn.LSTM(options.embedding_size, options.size // 2, batch_first=True, bidirectional=True)

    def forward(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(spellings), lengths, batch_first=True, enforce_sorted=False)
        last: Tensor = self.lstm(packed)[1][0]
        return last.transpose(0, 1).flatten(1)


def learn(encoder: nn.Module, batches: list[Batch]) -> None:
    """Features, and the gradients of all weights."""
    for batch in batches:
        encoder.zero_grad()
        encoder(batch.spellings, batch.spelling_lengths).sum().backward()


def compare(name: str, lexicon: Lexicon, batches: list[Batch], size: int, rounds: int) -> list[Row]:
    """A row for each way of one encoder."""
    options, characters = CharacterOptions(encoder=name), len(lexicon.characters)
    encoders: dict[str, nn.Module] = {
        "kernel": character_encoder(name, characters, options),
        "plain": character_encoder(name, characters, options, "off"),
    }
    if name == "lstm":
        encoders["torch.nn.LSTM"] = Packed(characters, options)
    words = sum(len(batch.spellings) for batch in batches)
    ways = {way: partial(learn, encoder, batches) for way, encoder in encoders.items()}
    taken = alternating(ways, rounds=rounds, warm_up=1)
    return [
        row(way, "us/word", [1e6 * one / words for one in seconds], encoder=name, batch=size)
        for way, seconds in taken.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, default=TRAIN)
    parser.add_argument("--batch", type=int, nargs="+", default=[10, 32], help="sentences of a batch")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    memory.keep()  # as a training does
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lexicon, sentences = prepared(options.train)
    rows: list[Row] = []
    with threadpool_limits(1):
        for size in options.batch:
            batches = list(itertools.islice(endless(sentences, size), options.batches))
            for name in ("cnn", "lstm"):
                rows += compare(name, lexicon, batches, size, options.rounds)
    report("characters", rows, corpus=corpus_file(options.train))


if __name__ == "__main__":
    main()
