"""Labels for entities: the way back from `scoring.entities`."""

from collections.abc import Iterable

from metalstm.scoring.entities import Entity


def entity_labels(kind: str, size: int) -> list[str]:
    """The IOBES labels of one entity of `size` tokens."""
    if size == 1:
        return [f"S-{kind}"]
    return [f"B-{kind}", *[f"I-{kind}"] * (size - 2), f"E-{kind}"]


def sentence_labels(entities: Iterable[Entity], size: int) -> list[str]:
    """The IOBES labels of a sentence of `size` tokens whose `entities` do not overlap."""
    labels = ["O"] * size
    for kind, start, end in entities:
        labels[start:end] = entity_labels(kind, end - start)
    return labels
