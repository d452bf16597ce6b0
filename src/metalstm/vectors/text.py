"""The sentences that word vectors learn from: which they are, and how they stand in a file.

One sentence a line, one space between two tokens, UTF-8, LF.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

Tokens = Sequence[str]

LONGEST = 10_000
"""Tokens; gensim passes over what a sentence has beyond them."""


def distinct(train: Mapping[str, Iterable[Tokens]]) -> dict[str, list[tuple[str, ...]]]:
    """Each distinct sentence of the train text of all corpora once, with the first corpus that has it.

    Corpora share text: the same abstract, annotated for chemicals in one and for diseases in another, would
    count twice. The order is that of the corpora's names, then that of their files, and so does not depend
    on the order in which a study lists its corpora.
    """
    first: dict[tuple[str, ...], str] = {}
    for corpus in sorted(train):
        for tokens in train[corpus]:
            first.setdefault(tuple(tokens), corpus)
    found: dict[str, list[tuple[str, ...]]] = {corpus: [] for corpus in sorted(train)}
    for tokens, corpus in first.items():
        found[corpus].append(tokens)
    return found


def line(tokens: Tokens) -> str:
    """A sentence as it stands in the file; nothing, if its tokens are nothing but white space.

    A token with spaces or line ends in it comes apart there.
    """
    words = " ".join(tokens).split()
    return f"{' '.join(words)}\n" if words else ""


class SentenceFile:
    """The sentences of a file, read from it anew each time they are asked for: one of them in memory at a time."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path

    def __iter__(self) -> Iterator[list[str]]:
        """The tokens of each sentence; what is longer than `LONGEST` comes in pieces."""
        with self._path.open(encoding="utf-8", newline="\n") as file:
            for sentence in file:
                tokens = sentence.rstrip("\n").split(" ")
                for start in range(0, len(tokens), LONGEST):
                    yield tokens[start : start + LONGEST]
