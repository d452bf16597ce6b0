"""Rooms that know nothing of one another: what one of them holds goes to another as plain data, through a stage."""

import re
from pathlib import Path

import pytest

import metalstm

ROOT = Path(metalstm.__file__).parent
APART = ("corpora", "vectors", "nn", "scoring")


@pytest.mark.parametrize("room", APART)
def test_a_room_imports_none_of_the_others(room: str) -> None:
    others = "|".join(other for other in APART if other != room)
    imported = re.compile(
        rf"^\s*(?:from|import) metalstm\.(?:{others})\b|^\s*from metalstm import .*\b(?:{others})\b", re.M
    )
    found = [str(file) for file in (ROOT / room).rglob("*.py") if imported.search(file.read_text("utf-8"))]
    assert not found
