"""Parts put into a YAML text, of which every other byte stays as it is: comments, quotes, line ends."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from metalstm import parameters
from metalstm.errors import UserError


def into_mapping(text: str, key: str, new: Mapping[str, Any]) -> str:
    """The text with `new` at the end of the mapping at a key of the whole; each part takes a line."""
    return _into(text, key, [f"{name}: {flow(value)}" for name, value in new.items()], lambda part: part)


def into_list(text: str, key: str, new: Sequence[str]) -> str:
    """The text with the words `new` at the end of the list at a key of the whole."""
    return _into(text, key, new, lambda word: f"- {word}")


def listed(values: str, word: str) -> list[Any]:
    """What stands between the brackets of a YAML list; `word` is what the user wrote.

    Raises:
        UserError: it is not YAML, or more than one list.
    """
    text = f"[{values}]"
    try:
        node = _compose(text)
        content = parameters.plain(YAML(typ="safe", pure=True).load(text))
    except (YAMLError, ValueError, KeyError, RecursionError):
        raise UserError(f"{word}: its values are not YAML; expected PLACE=VALUE,VALUE") from None
    if not isinstance(content, list) or node.end_mark.index != len(text):
        raise UserError(f"{word}: its values are not one list; expected PLACE=VALUE,VALUE")
    return content


def flow(value: Any) -> str:
    """A value on one line, as it is written by hand."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, str) and value.replace("_", "a").replace("-", "a").isalnum() and _is_string(value):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_string(word: str) -> bool:
    """Whether YAML reads this word as one, and not as a number or the like."""
    return isinstance(YAML(typ="safe", pure=True).load(word), str)


def _into(text: str, key: str, new: Sequence[str], line: Callable[[str], str]) -> str:
    if not new:
        return text
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    node = _value(text, key)
    if node is None:
        begin = text if text.endswith("\n") else text + end_of_line
        return begin + end_of_line.join(["", f"{key}:", *(f"  {line(part)}" for part in new), ""])
    if node.flow_style and node.value:
        # behind the last part, and not before the bracket, where a comma or a comment may stand
        at = _last_part(node).end_mark.index
        return text[:at] + "".join(f", {part}" for part in new) + text[at:]
    if node.flow_style:
        before = text[: node.start_mark.index].rstrip(" ")
        text, at, indentation = before + text[node.end_mark.index :], len(before), "  "
    else:
        at, indentation = _last(node).end_mark.index, " " * node.start_mark.column
    rest = text.find("\n", at)
    at = len(text) if rest < 0 else rest - (text[rest - 1] == "\r")
    return text[:at] + "".join(f"{end_of_line}{indentation}{line(part)}" for part in new) + text[at:]


def _value(text: str, key: str) -> Any:
    """The node at a key of the whole."""
    root = _compose(text)
    assert isinstance(root, MappingNode)
    return next((value for name, value in root.value if name.value == key), None)


def _compose(text: str) -> Node:
    node: Node = YAML(typ="rt", pure=True).compose(text)
    return node


def _last(node: Any) -> Node:
    """The last node within this one that ends where its own text does: a block ends where the next one begins."""
    while isinstance(node, CollectionNode) and not node.flow_style and node.value:
        node = _last_part(node)
    found: Node = node
    return found


def _last_part(node: Any) -> Any:
    """The last node of a list, or the last value of a mapping."""
    last = node.value[-1]
    return last[1] if isinstance(last, tuple) else last
