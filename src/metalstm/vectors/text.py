"""The sentences that word vectors learn from: which they are, and how they stand in a file.

One sentence a line, one space between two tokens, UTF-8, LF.
"""

from collections.abc import Iterable, Mapping, Sequence

Tokens = Sequence[str]


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
