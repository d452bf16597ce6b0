"""Flair's side of the comparison: runs in an environment of its own, and knows nothing of this package.

    PYTHON benchmarks/flair_peer.py train FILE [--batch N] [--steps N] [--words trained|static] [--save MODEL]
    PYTHON benchmarks/flair_peer.py tag MODEL FILE OUT [--batch N]

PYTHON is that of an environment with `flair==0.15.*` (docs/benchmarks.md says how to make one). FILE has token TAB
label a line, with IOBES labels. The tagger is as near to ours as Flair's own parts allow: 200 numbers a word, Flair's
character LSTM with 50 features, a BiLSTM of 100 units a direction, dropout 0.5 before and after it, a CRF. Flair's
trainer is left out: the steps below do what it does and nothing else. `train` prints one line of JSON, as
`benchmarks/ours.py` does.
"""

import argparse
import logging
import random
from pathlib import Path

import flair
import side
import torch
from flair.data import Dictionary, Sentence
from flair.embeddings import CharacterEmbeddings, StackedEmbeddings, WordEmbeddings
from flair.models import SequenceTagger
from flair.training_utils import store_embeddings
from side import Clock

WARM_UP = 5
LABEL = "ner"


def read(path: Path) -> list[list[list[str]]]:
    """Sentences of rows of columns."""
    blocks = path.read_text(encoding="utf-8").strip("\n").split("\n\n")
    return [[line.split("\t") for line in block.split("\n")] for block in blocks]


def with_labels(rows: list[list[str]]) -> Sentence:
    """A sentence with its gold entities, read from valid IOBES labels."""
    sentence = Sentence([row[0] for row in rows])
    start = 0
    for place, row in enumerate(rows):
        prefix, _, kind = row[-1].partition("-")
        start = place if prefix in "BS" else start
        if prefix in "ES":
            sentence[start : place + 1].add_label(LABEL, kind)
    return sentence


def dictionary(names: set[str], *, unknown: bool) -> Dictionary:
    """The names with numbers."""
    made = Dictionary(add_unk=unknown)
    for name in sorted(names):
        made.add_item(name)
    return made


def made(text: list[list[list[str]]], words: str) -> SequenceTagger:
    """An untrained tagger for this text."""
    vocabulary = sorted({row[0] for rows in text for row in rows})
    characters = dictionary({character for word in vocabulary for character in word}, unknown=True)
    kinds = dictionary({row[-1].partition("-")[2] for rows in text for row in rows} - {""}, unknown=False)
    kinds.span_labels = True
    numbers = {word: number for number, word in enumerate(vocabulary)}
    embeddings = WordEmbeddings(
        embeddings=None, vocab=numbers, embedding_length=200, fine_tune=words == "trained", name="words"
    )
    return SequenceTagger(
        embeddings=StackedEmbeddings([embeddings, CharacterEmbeddings(characters)]),
        tag_dictionary=kinds,
        tag_type=LABEL,
        hidden_size=100,
        dropout=0.5,
        word_dropout=0.0,
        locked_dropout=0.0,
        reproject_embeddings=False,
    )


def train(arguments: argparse.Namespace) -> None:
    """Print the tokens a second of steps of SGD."""
    torch.manual_seed(1)
    text = read(arguments.file)
    model = made(text, arguments.words)
    if arguments.save:
        model.save(arguments.save)
    random.Random(1).shuffle(text)
    sentences = [with_labels(rows) for rows in text[: (WARM_UP + arguments.steps) * arguments.batch]]
    batches = [sentences[first : first + arguments.batch] for first in range(0, len(sentences), arguments.batch)]
    learner = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    tokens, clock = 0, Clock()
    for turn, batch in enumerate(batches):
        if turn == WARM_UP:
            tokens, clock = 0, Clock()
        learner.zero_grad()
        loss, _ = model.forward_loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        learner.step()
        store_embeddings(batch, "cpu")
        tokens += sum(map(len, batch))
    versions = {"flair": flair.__version__, "torch": torch.__version__}
    side.show_training(tokens, clock.seconds(), versions=versions)


def tag(arguments: argparse.Namespace) -> None:
    """Write token TAB label for every token of the file; print the seconds of `predict` alone."""
    model = SequenceTagger.load(arguments.model)
    sentences = [Sentence([row[0] for row in rows]) for rows in read(arguments.file)]
    clock = Clock()
    model.predict(sentences, mini_batch_size=arguments.batch, force_token_predictions=True)
    seconds = clock.seconds()
    with arguments.out.open("w", encoding="utf-8") as file:
        for sentence in sentences:
            file.writelines(f"{token.text}\t{token.get_label(LABEL).value}\n" for token in sentence)
            file.write("\n")
    side.show_tagging(seconds)


def main() -> None:
    commands = side.commands(__doc__, train, tag, steps=30)
    commands.train.add_argument("--words", choices=["trained", "static"], default="trained")
    commands.tag.add_argument("--batch", type=int, default=32)
    arguments = commands.parser.parse_args()
    torch.set_num_threads(1)
    flair.device = torch.device("cpu")
    logging.getLogger("flair").setLevel(logging.ERROR)
    arguments.command(arguments)


if __name__ == "__main__":
    main()
