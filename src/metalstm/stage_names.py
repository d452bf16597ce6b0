"""The names that dvc.yaml gives to the stages of a study; two of one name would be one stage, and one would not run."""

from collections.abc import Sequence
from functools import reduce
from itertools import product
from typing import Any

from metalstm.overrides import Location
from metalstm.schema import Study

MATRICES = (
    ("settings.per_corpus", "corpora", "cells", "seeds"),
    ("settings.per_group", "groups", "cells", "seeds"),
    ("language_models", "corpora"),
    ("images.sets", "images.variants", "images.seeds"),
)
"""The lists of params.yaml of which dvc.yaml makes stages: one for each combination, named by its values with `-`
between them. A matrix that is the beginning of one of these has no clash that the longer one has not."""


def clash(study: Study) -> tuple[Location, str] | None:
    """Where two combinations get one name, and in words which; None if all names differ."""
    for lists in MATRICES:
        named: dict[str, tuple[Any, ...]] = {}
        for values in product(*(_values(study, place) for place in lists)):
            name = "-".join(map(str, values))
            other = named.setdefault(name, values)
            if other != values:
                words = (
                    f"{_shown(other)} and {_shown(values)} would both be {name} for `dvc repro`, which would make one "
                    "of them alone; rename a part of one"
                )
                return _first_difference(study, lists, other, values), words
    return None


def _values(study: Study, place: str) -> Sequence[Any]:
    return [*reduce(getattr, place.split("."), study)]


def _shown(values: Sequence[Any]) -> str:
    return "/".join(map(str, values))


def _first_difference(study: Study, lists: Sequence[str], first: Sequence[Any], second: Sequence[Any]) -> Location:
    """The place of the first value of `second` that `first` has not."""
    place, value = next((place, new) for place, old, new in zip(lists, first, second, strict=True) if old != new)
    is_mapping = isinstance(reduce(getattr, place.split("."), study), dict)
    return (*place.split("."), value if is_mapping else _values(study, place).index(value))
