"""What is wrong in a file of parameters, in words: the line, the key that was meant, the value that was found."""

import difflib
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml.comments import CommentedMap, CommentedSeq


def line_of(document: Any, location: tuple[int | str, ...]) -> int | None:
    """The line, from 1, of the deepest part of `location` that stands in the file."""
    line, node = None, document
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            # what comes by a merge key (`<<:`) stands elsewhere
            line = node.lc.key(part)[0] + 1 if part in (node.lc.data or {}) else line
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            break
        node = node[part]
    return line


def keys_that_are_no_text(document: Any, location: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all keys that YAML reads as numbers, truth values, dates or nothing."""
    if isinstance(document, dict):
        for key, value in document.items():
            if not isinstance(key, str):
                yield (*location, key)
            yield from keys_that_are_no_text(value, (*location, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from keys_that_are_no_text(value, (*location, number))


_NOTHING = {"dict_type": "{}", "list_type": "[]"}
"""How YAML writes what has nothing in it, by what was expected."""


def first(error: ValidationError) -> Any:
    """The fault to tell of; a misspelt key explains a missing one."""
    return min(error.errors(), key=lambda fault: fault["type"] == "missing")


def in_words(error: Any, root: type[BaseModel]) -> str:
    """One sentence for one pydantic error of the schema `root`."""
    location = error["loc"]
    place = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        known = _keys_at(root, location[:-1])
        return f"unknown key `{place}`{nearest(str(location[-1]), known)}"
    if error["type"] == "missing":
        return f"`{place}` is missing"
    if error["input"] is None and error["type"] in _NOTHING:
        return f"`{place}` is left empty; where nothing is meant, write {_NOTHING[error['type']]}"
    message: str = error["msg"].removeprefix("Value error, ")
    if not place:  # what is wrong lies between keys, and the message names them
        return message
    return f"`{place}`: {message[0].lower()}{message[1:]}; got {_shortened(error['input'])}"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the known one that it is most like, or else all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`?" if close else f"; known are: {', '.join(known)}"


def _keys_at(kind: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that the schema knows at a place."""
    for part in location:
        kind = _without_extras(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        else:
            # dict[str, X], list[X] or tuple[X, ...]
            kind = [part for part in typing.get_args(kind) if part is not Ellipsis][-1]
    kind = _without_extras(kind)
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _without_extras(kind: Any) -> Any:
    """`X` for `Annotated[X, ...]` and for `X | None`."""
    if typing.get_origin(kind) is Annotated:
        return _without_extras(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _without_extras(next(part for part in typing.get_args(kind) if part is not type(None)))
    return kind
