"""A grid over values of params.yaml: a variant of a cell for each combination, and each is trained like a cell."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import reduce
from itertools import combinations, product
from operator import getitem
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from metalstm import overrides, parameters, splice
from metalstm.errors import UserError
from metalstm.files import write_text
from metalstm.overrides import merge
from metalstm.schema import Study, TaggerVariant

Values = Mapping[str, Sequence[Any]]
"""By place, such as `training.optimiser.learning_rate`, the values that are tried there."""

_PARTS = ("model", "training", "options")
_EXAMPLE = "training.optimiser.learning_rate=0.002,0.004"
_LONGEST_NAME = 120
"""A variant's name is that of folders and files too."""


def add(path: Path, cell: str, values: Values) -> list[str]:
    """Write the variants into params.yaml, name them in its `cells`, and return their names.

    `cell` is one of the cells, or a variant that the new ones shall begin as. All else in the file stays as it is, byte
    for byte, and so does what stands there already as it would be written: a grid can grow. Nothing is written if
    anything is wrong.

    Raises:
        UserError: params.yaml is wrong, before or with the variants in it; it has another variant of such a name; or
            one of its overrides would undo a value.
    """
    text = parameters.text(path)
    study = parameters.read(path)
    begin = study.variants.get(cell, TaggerVariant(cell=cell)).model_dump(exclude_defaults=True)
    made = variants(cell, values, begin)
    for name, variant in made.items():
        if name in study.variants and study.variants[name] != TaggerVariant.model_validate(variant):
            raise UserError(f"{path}: there is another variant {name}; give that one another name")
    new = {name: variant for name, variant in made.items() if name not in study.variants}
    try:
        text = splice.into_mapping(text, "variants", new)
        text = splice.into_list(text, "cells", [name for name in made if name not in study.cells])
    except YAMLError:  # JSON, say, where what follows the end is none
        raise UserError(f"{path}: no place was found for the variants; write `variants: {{}}` into it first") from None
    changed = parameters.validate(parameters.plain(parameters.parsed(text, path)), path)
    _require_in_use(path, changed, made, values)
    write_text(path, text)
    return [*made]


def variants(cell: str, values: Values, begin: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A variant for each combination, by a name that says its values; `begin` is what all of them have.

    Raises:
        UserError: a place is not one of a variant, or within another one; no value is given; or a name is too long or
            that of two combinations.
    """
    for place, tried in values.items():
        if place.split(".")[0] not in _PARTS or "." not in place:
            raise UserError(f"{place}: expected a place in {', '.join(_PARTS)}, as in {_EXAMPLE}")
        if not tried:
            raise UserError(f"{place}: no value to try; write some, as in {_EXAMPLE}")
    for outer, inner in combinations(sorted(values), 2):
        if inner.startswith(f"{outer}."):
            raise UserError(f"{inner} is a part of {outer}; give its values there, or leave {outer} out")
    made: dict[str, dict[str, Any]] = {}
    for combination in product(*values.values()):
        chosen = dict(zip(values, combination, strict=True))
        name = _name(cell, chosen)
        if name in made:
            raise UserError(f"{name}: two combinations have this name; name each value once")
        if len(name) > _LONGEST_NAME:
            raise UserError(f"{name}: longer than {_LONGEST_NAME} characters; try fewer places at once")
        made[name] = reduce(merge, (_nested(place, value) for place, value in chosen.items()), deepcopy(dict(begin)))
    return made


def parse(words: Sequence[str]) -> dict[str, list[Any]]:
    """The values of `PLACE=VALUE,VALUE` as YAML reads them.

    Raises:
        UserError: a word is none of that form, or a place stands twice.
    """
    values: dict[str, list[Any]] = {}
    for word in words:
        place, equals, listed = word.partition("=")
        if not (place and equals):
            raise UserError(f"{word}: expected PLACE=VALUE,VALUE, as in {_EXAMPLE}")
        if place in values:
            raise UserError(f"{place}: named twice; give all its values at once")
        values[place] = splice.listed(listed, word)
    return values


def _require_in_use(path: Path, study: Study, made: Mapping[str, Any], values: Values) -> None:
    """Refuse values that a run would not have, for an override comes after a variant."""
    for setting, scope, cell in overrides.trainings(study):
        if cell not in made:
            continue
        network, training = overrides.network_and_training(study, setting, scope, cell)
        used = {"model": network.model_dump(), "training": training.model_dump()}
        for place in values:
            part, *keys = place.split(".")
            if part in used:
                wanted = reduce(getitem, keys, made[cell][part])
                found = reduce(lambda mapping, key: None if mapping is None else mapping[key], keys, used[part])
                if merge({place: found}, {place: wanted}) != {place: found}:
                    raise UserError(
                        f"{path}: an override gives {setting}/{scope}/{cell} {place}: {found}, so that {wanted} would "
                        "not be tried; let that override name the cells that it is for"
                    )


def _name(cell: str, chosen: Mapping[str, Any]) -> str:
    """`lstm-num_layers-2-optimiser-adamw`: of a place the last key, and the one before where two have the same."""
    keys = [place.removesuffix(".name").split(".") for place in chosen]
    last = [own[-1] for own in keys]
    parts = [cell]
    for own, value in zip(keys, chosen.values(), strict=True):
        parts.append(".".join(own[-2:]) if last.count(own[-1]) > 1 else own[-1])
        parts.append(re.sub(r"[^A-Za-z0-9._-]+", "_", "_".join(_words(value)) or "none"))
    return "-".join(parts)


def _words(value: Any) -> Iterator[str]:
    """A value as it is written, and of a list or mapping those in it."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _words(part)
    else:
        yield splice.flow(value) if value is None or isinstance(value, bool) else str(value)


def _nested(place: str, value: Any) -> dict[str, Any]:
    for key in reversed(place.split(".")):
        value = {key: value}
    return dict(value)
