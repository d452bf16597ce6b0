"""Files of text that params.yaml names, brought here for the stages that read them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from metalstm.corpora import fetch
from metalstm.corpora.catalogue import Source
from metalstm.errors import UserError
from metalstm.files import sha256


def bring(files: Iterable[dict[str, Any]], key: str) -> list[Path]:
    """Download what has an address, and make sure of what is on this machine; where each file is.

    files: as `metalstm.corpora.texts.planned` gives them; `key` is where params.yaml names them. UserError for what
    is not there, or is not what it should be.
    """
    paths = []
    for chosen in files:
        path = Path(chosen["kept"] or chosen["file"])
        paths.append(path)
        if chosen["address"]:
            source = Source(path.name, url=chosen["address"], blob=chosen["sha256"])
            fetch.fetch({path.name: source}, path.parent)
        elif not path.is_file():
            raise UserError(f"{path}: no such file; correct {key} in params.yaml")
        elif chosen["sha256"] and (found := sha256(path)) != chosen["sha256"]:
            raise UserError(f"{path}: expected SHA-256 {chosen['sha256']} as {key} says, got {found}")
    return paths
