"""A trained tagger on disk: `model.safetensors` has the weights, `model.json` all else that it takes to rebuild it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from metalstm.errors import UserError
from metalstm.files import atomic, sha256, write_text
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import TaggerOptions
from metalstm.nn.tagger import Tagger

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
FORMAT = "metalstm tagger"
VERSION = 1


class _Names(BaseModel):
    """The lexicon as it stands in `model.json`."""

    model_config = ConfigDict(extra="forbid")
    words: tuple[str, ...]
    characters: tuple[str, ...]
    labels: tuple[str, ...]
    corpora: tuple[str, ...]


class _File(BaseModel):
    """The keys of `model.json`."""

    model_config = ConfigDict(extra="forbid")
    format: str
    version: int
    weights_sha256: str
    options: TaggerOptions
    extra: dict[str, Any]
    lexicon: _Names


@dataclass(frozen=True, slots=True)
class Description:
    """What `model.json` says."""

    options: TaggerOptions
    lexicon: Lexicon
    extra: dict[str, Any]
    """Whatever the writer added, such as setting, scope, corpora and plan."""
    weights_sha256: str


def save(tagger: Tagger, directory: Path, *, extra: Mapping[str, Any] | None = None) -> None:
    """Write both files into `directory`, each of them atomically; `extra` is anything that JSON can hold.

    The description names the digest of its weights, so that files of two models are never taken for one.
    """
    weights = to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tagger.state_dict().items()})
    lexicon = tagger.lexicon
    description = _File(
        format=FORMAT,
        version=VERSION,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        options=tagger.options,
        extra=dict(extra or {}),
        lexicon=_Names(
            words=lexicon.words, characters=lexicon.characters, labels=lexicon.labels, corpora=lexicon.corpora
        ),
    )
    text = description.model_dump_json(indent=1)
    with atomic(directory / WEIGHTS) as temporary:
        temporary.write_bytes(weights)
    write_text(directory / DESCRIPTION, text + "\n")


def load(directory: Path) -> Tagger:
    """Rebuild a tagger, in evaluation mode and on the CPU; the state of torch's generator stays as it was.

    Raises UserError if a file is missing, damaged, not of this program or of a newer version of it.
    """
    description = describe(directory)
    path = directory / WEIGHTS
    if not path.is_file():
        raise UserError(f"{path}: there is no such file, although {DESCRIPTION} stands beside it: train again")
    if sha256(path) != description.weights_sha256:
        raise UserError(f"{path}: not the weights that {DESCRIPTION} describes: copy both files anew, or train again")
    with torch.random.fork_rng(devices=[]):
        tagger = Tagger(description.lexicon, description.options)
    try:
        tagger.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path}: the weights do not fit the options in {DESCRIPTION}: {_line(error)}") from error
    return tagger.eval()


def describe(directory: Path) -> Description:
    """Read `model.json` alone, without the weights; UserError as in `load`."""
    path = directory / DESCRIPTION
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: there is no such file: name the folder of a trained model") from None
    except ValueError as error:
        raise UserError(f"{path}: not a model description: {_line(error)}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT or not isinstance(content.get("version"), int):
        raise UserError(f"{path}: not the description of a tagger that this program has written")
    if content["version"] > VERSION:
        raise UserError(
            f"{path}: written in format {content['version']}, and this program reads up to {VERSION}: "
            "use a newer version of metalstm"
        )
    try:
        file = _File.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return Description(file.options, Lexicon(**file.lexicon.model_dump()), file.extra, file.weights_sha256)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
