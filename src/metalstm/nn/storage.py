"""A trained tagger on disk: `model.safetensors` has the weights, `model.json` all else that it takes to rebuild it.

A tagger of several corpora that was trained further for each of them has `continued/<corpus>.safetensors` too: what
differs from the joint weights in the tagger of one corpus.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from metalstm.errors import UserError
from metalstm.files import atomic, sha256, write_text
from metalstm.gazetteers.matching import Gazetteers
from metalstm.nn.lexicon import Lexicon
from metalstm.nn.options import TaggerOptions
from metalstm.nn.tagger import Tagger

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
CONTINUED = "continued"
FORMAT = "metalstm tagger"
VERSION = 1

_WORDS = "words.weight"
_ROWS = "words.rows"
"""Of the table of words only the rows that a corpus has changed are kept, and which these are."""
_KEYS, _LISTS = "gazetteers.keys", "gazetteers.lists"
"""The lists of names of the lexicon, in the file of the weights; what they are called, the options say."""


class _Names(BaseModel):
    """The lexicon as it stands in `model.json`."""

    model_config = ConfigDict(extra="forbid")
    words: tuple[str, ...]
    characters: tuple[str, ...]
    labels: tuple[str, ...]
    corpora: tuple[str, ...]
    corpus_labels: tuple[tuple[str, ...], ...] = ()


class _File(BaseModel):
    """The keys of `model.json`."""

    model_config = ConfigDict(extra="forbid")
    format: str
    version: int
    weights_sha256: str
    continued_sha256: dict[str, str] = Field(default_factory=dict)
    options: TaggerOptions
    extra: dict[str, Any]
    lexicon: _Names


@dataclass(frozen=True, slots=True)
class Description:
    """What `model.json` says."""

    options: TaggerOptions
    lexicon: Lexicon
    """Without its lists of names, which are in the file of the weights."""
    extra: dict[str, Any]
    """Whatever the writer added, such as setting, scope, corpora and plan."""
    weights_sha256: str
    continued_sha256: dict[str, str]
    """By corpus, where there are weights of its own."""


def _lists_of_names(lexicon: Lexicon) -> dict[str, Tensor]:
    """Those of the lexicon as tensors, for the file of the weights: they are too long for the description.

    torch writes no numbers without a sign, so the same bits stand there as numbers with one.
    """
    lists = lexicon.gazetteers
    if not lists.names:
        return {}
    return {_KEYS: torch.from_numpy(lists.keys.view(np.int64)), _LISTS: torch.from_numpy(lists.lists.view(np.int32))}


def save(
    tagger: Tagger,
    directory: Path,
    *,
    extra: Mapping[str, Any] | None = None,
    continued: Mapping[str, str] | None = None,
) -> None:
    """Write both files into `directory`, each of them atomically; `extra` is anything that JSON can hold.

    The description names the digest of its weights, so that files of two models are never taken for one; `continued`
    are the digests that `save_continued` gave, by corpus.
    """
    lexicon = tagger.lexicon
    with atomic(directory / WEIGHTS, SafetensorError) as temporary:
        _write(tagger.state_dict() | _lists_of_names(lexicon), temporary)
        description = _File(
            format=FORMAT,
            version=VERSION,
            weights_sha256=sha256(temporary),
            continued_sha256=dict(continued or {}),
            options=tagger.options,
            extra=dict(extra or {}),
            lexicon=_Names(
                words=lexicon.words,
                characters=lexicon.characters,
                labels=lexicon.labels,
                corpora=lexicon.corpora,
                corpus_labels=lexicon.corpus_labels,
            ),
        )
        text = description.model_dump_json(indent=1)
    write_text(directory / DESCRIPTION, text + "\n")


def save_continued(tagger: Tagger, joint: Mapping[str, Tensor], directory: Path, corpus: str) -> str:
    """Write what differs in `tagger` from the `joint` weights, as those of `corpus`; returns the file's digest.

    Of a table that has more rows than `joint` has of it, the others are taken not to differ.
    """
    weights: dict[str, Tensor] = {}
    for name, value in tagger.state_dict().items():
        before = joint[name]
        differs = (value[: len(before)] if value.dim() else value) != before
        if name == _WORDS:
            rows = differs.any(dim=1).nonzero().squeeze(1)
            weights |= {name: value[rows], _ROWS: rows}
        elif bool(differs.any()):
            weights[name] = value
    path = continued_path(directory, corpus)
    with atomic(path, SafetensorError) as temporary:
        _write(weights, temporary)
    return sha256(path)


def continued_path(directory: Path, corpus: str) -> Path:
    """Where the weights of one corpus are."""
    return directory / CONTINUED / f"{corpus}.safetensors"


def load(directory: Path, corpus: str | None = None) -> Tagger:
    """Rebuild a tagger, in evaluation mode and on the CPU; the state of torch's generator stays as it was.

    With `corpus`, or where it knows but one, the weights are that corpus's own where the tagger has such. Raises
    UserError if a file is missing, damaged, not of this program or of a newer version of it, and for a corpus that the
    tagger does not know.
    """
    description = describe(directory)
    lexicon = description.lexicon
    if corpus is not None:
        lexicon.corpus_id(corpus)
    elif len(lexicon.corpora) == 1:
        (corpus,) = lexicon.corpora
    weights = _read(directory / WEIGHTS, description.weights_sha256)
    if names := description.options.gazetteers:
        lexicon = replace(lexicon, gazetteers=_gazetteers(names, weights, directory / WEIGHTS))
    with torch.random.fork_rng(devices=[]):
        tagger = Tagger(lexicon, description.options)
    _put(weights, tagger, directory / WEIGHTS)
    if corpus in description.continued_sha256:
        path = continued_path(directory, corpus)
        changed = _read(path, description.continued_sha256[corpus])
        if _ROWS in changed:
            weights[_WORDS][changed.pop(_ROWS)] = changed.pop(_WORDS)
        _put(weights | changed, tagger, path)
    if description.continued_sha256:
        tagger.weights_of = corpus
    return tagger.eval()


def _gazetteers(names: Sequence[str], weights: dict[str, Tensor], path: Path) -> Gazetteers:
    """Take the lists of names out of what a file of weights has."""
    try:
        keys, lists = weights.pop(_KEYS).numpy(), weights.pop(_LISTS).numpy()
    except KeyError as error:
        raise UserError(f"{path}: has no {error}, although {DESCRIPTION} names lists of names: train again") from None
    return Gazetteers(tuple(names), keys.view(np.uint64), lists.view(np.uint32))


def _write(weights: Mapping[str, Tensor], path: Path) -> None:
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, path)


def _read(path: Path, digest: str) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file, although {DESCRIPTION} names it: train again")
    if sha256(path) != digest:
        raise UserError(f"{path}: not the weights that {DESCRIPTION} describes: copy all files anew, or train again")
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path}: not a file of weights: {_line(error)}") from error
    return weights


def _put(weights: dict[str, Tensor], tagger: Tagger, path: Path) -> None:
    try:
        tagger.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(
            f"{path}: the weights do not fit the options in {DESCRIPTION}; if another version of metalstm wrote them, "
            f"train again ({_line(error)[:200]})"
        ) from error


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
    return Description(
        file.options, Lexicon(**file.lexicon.model_dump()), file.extra, file.weights_sha256, file.continued_sha256
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
