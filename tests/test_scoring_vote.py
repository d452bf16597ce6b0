from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm.errors import UserError
from metalstm.scoring.entities import strict_entities
from metalstm.scoring.vote import majority

LABELS = st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("A", "B"))])


@st.composite
def predictions(draw: st.DrawFn) -> list[list[list[str]]]:
    """What some taggers, not all of them careful about IOBES, say of the same sentences."""
    sizes = draw(st.lists(st.integers(0, 6), max_size=4))
    taggers = draw(st.integers(1, 5))
    return [[draw(st.lists(LABELS, min_size=size, max_size=size)) for size in sizes] for _ in range(taggers)]


@given(predictions())
def test_a_mention_stands_where_more_than_half_predict_it(taggers: list[list[list[str]]]) -> None:
    voted = majority(taggers)
    for number, labels in enumerate(voted):
        found = strict_entities(labels)
        sentences = [strict_entities(tagger[number]) for tagger in taggers]
        for entity in {entity for sentence in sentences for entity in sentence} | set(found):
            share = sum(entity in sentence for sentence in sentences) / len(taggers)
            assert (entity in found) == (share > 0.5)
        assert all(first.end <= second.start for first, second in pairwise(found))
        assert sum(entity.end - entity.start for entity in found) == sum(label != "O" for label in labels)
        assert len(labels) == len(taggers[0][number])


def test_half_is_not_enough_and_types_are_told_apart() -> None:
    first, second = [["B-A", "E-A", "S-B"]], [["S-A", "O", "S-B"]]
    assert majority([first, second]) == [["O", "O", "S-B"]]
    assert majority([first, second, [["B-B", "E-B", "O"]]]) == [["O", "O", "S-B"]]
    assert majority([first, second, first]) == first


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="nothing to vote on"):
        majority([])
    with pytest.raises(UserError, match="sentence 1"):
        majority([[["O"]], [["O", "O"]]])
