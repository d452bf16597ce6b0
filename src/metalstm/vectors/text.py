"""The sentences that word vectors learn from."""

from collections.abc import Iterable, Mapping, Sequence

Tokens = Sequence[str]


def sentences(train: Mapping[str, Iterable[Tokens]]) -> list[tuple[str, ...]]:
    """Each distinct sentence of the train text of all corpora once.

    Corpora share text: the same abstract, annotated for chemicals in one and for diseases in another, would
    count twice. The order is that of the corpora's names, then that of their files, and so does not depend
    on the order in which a study lists its corpora.
    """
    return list(dict.fromkeys(tuple(tokens) for corpus in sorted(train) for tokens in train[corpus]))
