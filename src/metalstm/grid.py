"""A grid over values of params.yaml: a variant of a cell for each combination, and each is trained like a cell."""

import io
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from metalstm import parameters
from metalstm.errors import UserError
from metalstm.files import write_text

Values = Mapping[str, Sequence[Any]]
"""By place, such as `training.optimiser.learning_rate`, the values that are tried there."""

_PARTS = ("model", "training", "options")
_EXAMPLE = "training.optimiser.learning_rate=0.002,0.004"


def add(path: Path, cell: str, values: Values) -> list[str]:
    """Write the variants into params.yaml, name them in its `cells`, and return their names.

    All other values and all comments stay, and the indentation becomes two spaces.

    What stands there already as it would be written is left alone, so a grid can grow. Nothing is written if anything
    is wrong.

    Raises:
        UserError: params.yaml is wrong, before or with the variants in it, or has another variant of such a name.
    """
    parameters.read(path)
    document = parameters.document(path)
    made = variants(cell, values)
    own = _block(document, "variants", CommentedMap())
    for name, variant in made.items():
        if own.setdefault(name, _flow(variant)) != variant:
            raise UserError(f"{path}: there is another variant {name}; give that one another name")
    cells = _block(document, "cells", CommentedSeq())
    cells.extend(name for name in made if name not in cells)
    parameters.validate(parameters.plain(document), path)
    write_text(path, _text(document))
    return [*made]


def variants(cell: str, values: Values) -> dict[str, dict[str, Any]]:
    """A variant for each combination, by a name that says its values.

    Raises:
        UserError: a place is not one of a variant, no value is given, or two combinations have one name.
    """
    for place, tried in values.items():
        if place.split(".")[0] not in _PARTS or "." not in place:
            raise UserError(f"{place}: expected a place in {', '.join(_PARTS)}, as in {_EXAMPLE}")
        if not tried:
            raise UserError(f"{place}: no value to try; write some, as in {_EXAMPLE}")
    made: dict[str, dict[str, Any]] = {}
    for combination in product(*values.values()):
        chosen = dict(zip(values, combination, strict=True))
        name = _name(cell, chosen)
        if name in made:
            raise UserError(f"{name}: two combinations have this name; name each value once")
        made[name] = {"cell": cell}
        for place, value in chosen.items():
            _put(made[name], place.split("."), value)
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
        try:
            values[place] = parameters.plain(YAML(typ="safe", pure=True).load(f"[{listed}]"))
        except YAMLError:
            raise UserError(f"{word}: its values are not YAML; expected a form as in {_EXAMPLE}") from None
    return values


def _name(cell: str, chosen: Mapping[str, Any]) -> str:
    """`lstm-num_layers-2-optimiser-adamw`: of a place the last key, and the one before where two have the same."""
    keys = [place.removesuffix(".name").split(".") for place in chosen]
    last = [own[-1] for own in keys]
    parts = [cell]
    for own, value in zip(keys, chosen.values(), strict=True):
        parts.append(".".join(own[-2:]) if last.count(own[-1]) > 1 else own[-1])
        parts.append(re.sub(r"[^A-Za-z0-9._]+", "-", str(value)).strip("-"))
    return "-".join(parts)


def _put(variant: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    *outer, last = keys
    for key in outer:
        variant = variant.setdefault(key, {})
    variant[last] = value


def _block(document: CommentedMap, key: str, empty: Any) -> Any:
    """What stands at `key`, a line for each of its parts from now on."""
    if document.get(key) is None:
        document[key] = empty
    document[key].fa.set_block_style()
    return document[key]


def _flow(value: Any) -> Any:
    """A variant takes one line."""
    if not isinstance(value, dict):
        return value
    made = CommentedMap((key, _flow(item)) for key, item in value.items())
    made.fa.set_flow_style()
    return made


def _text(document: CommentedMap) -> str:
    """As the file is written by hand: two spaces deep, `null` in words, no line broken."""
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()
