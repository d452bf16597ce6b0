"""What is known of each corpus: where its files stand, how they are verified and read, and on what terms."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, field_validator, model_validator
from ruamel.yaml import YAML

from metalstm.corpora.splits import SPLITS
from metalstm.errors import UserError
from metalstm.options import Options

IMAGE_FILES = ("train-images", "train-labels", "test-images", "test-labels")


class Columns(Options):
    """How a line of a token-per-line file is read."""

    token: int = 0
    """Column of the token, from 0; negative numbers count from the end."""
    label: int = -1
    separator: Literal["tab", "space"] = "tab"
    """tab: one TAB; space: any run of spaces and TABs."""


class Citation(Options):
    """The publication that describes a corpus."""

    authors: str
    year: int
    title: str


class File(Options):
    """One file of a corpus."""

    name: str
    """Path below the corpus's address or folder."""
    blob: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = None
    """Git blob id, as `git hash-object` prints it; without one the file cannot be verified."""
    bytes: Annotated[int, Field(ge=0)] | None = None

    @field_validator("name")
    @classmethod
    def _stays_below(cls, name: str) -> str:
        path = PurePosixPath(name)
        if not path.name or path.is_absolute() or ".." in path.parts:
            raise ValueError("expected a path below the corpus's address or folder, such as train.tsv")
        return name


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


NamedFile = Annotated[File, BeforeValidator(_named, json_schema_input_type=str | File)]
"""A file, or just its name."""


class Corpus(Options):
    """An entry of the catalogue; a user's own entry in params.yaml follows the same schema."""

    kind: Literal["tokens", "images"] = "tokens"
    """tokens: one token and its label a line, in the splits train, devel and test; images: idx files, packed or not."""
    address: Annotated[str, Field(pattern="^https://[^/]")] | None = None
    """What stands before the file names; or, instead of it, `folder`."""
    folder: str | None = None
    """A folder on this machine; below the working directory if relative."""
    files: dict[str, NamedFile]
    """Split to file; a bare name will do."""
    scheme: Literal["iob1", "iob2", "iobes", "auto"] = "auto"
    """The tag scheme of the labels; auto: found out from the labels. Says nothing of images."""
    columns: Columns = Columns()
    labels: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Entity types, without the prefixes of the scheme."""
    licence: str | None = None
    """The terms of text and annotations, in short."""
    by_hand: bool = False
    """The terms do not allow everyone a download: only a mirror or a folder of the user's own is looked into."""
    source: str | None = None
    """A page for people: where the files come from."""
    citations: Annotated[tuple[Citation, ...], Field(strict=False)] = ()
    """The corpus's own publication first, then that of the collection it is taken from."""

    @field_validator("files")
    @classmethod
    def _each_file_is_another_one(cls, files: dict[str, File]) -> dict[str, File]:
        first: dict[PurePosixPath, str] = {}
        for role, file in files.items():
            if (other := first.setdefault(PurePosixPath(file.name), role)) != role:
                raise ValueError(
                    f"`{other}` and `{role}` are the same file, {file.name}: scores on what was learned say nothing; "
                    "give each a file of its own"
                )
        return files

    @field_validator("folder")
    @classmethod
    def _home_is_known(cls, folder: str | None) -> str | None:
        try:
            Path(folder or "").expanduser()
        except RuntimeError:
            raise ValueError("`~` stands for no home folder that is known here; give the whole path") from None
        return folder

    @model_validator(mode="after")
    def _has_one_origin(self) -> "Corpus":
        if (self.address is None) == (self.folder is None):
            raise ValueError("either `address` (https://...) or `folder` (on this machine) is given, and not both")
        return self

    @model_validator(mode="after")
    def _has_its_splits(self) -> "Corpus":
        expected = SPLITS if self.kind == "tokens" else IMAGE_FILES
        if set(self.files) != set(expected):
            raise ValueError(f"`files` names {', '.join(expected)}; found {', '.join(self.files) or 'none'}")
        return self

    @model_validator(mode="after")
    def _files_have_names_of_their_own(self) -> "Corpus":
        kept: dict[str, str] = {}
        for file, source in sources(self).items():
            if (other := kept.setdefault(source.name, file)) != file:
                raise ValueError(
                    f"`files.{other}` and `files.{file}` would both be kept as {source.name}; rename one of them"
                )
        return self


@dataclass(frozen=True, slots=True)
class Source:
    """Where one file comes from and how it is known: plain enough for a plan's JSON."""

    name: str
    """The name under which it is kept in data/raw/<corpus>."""
    url: str | None = None
    path: str | None = None
    """A file on this machine; either `url` or `path` is given."""
    blob: str | None = None
    """Git blob id (40 hexadecimal digits) or SHA-256 (64)."""
    bytes: int | None = None


@cache
def catalogue() -> dict[str, Corpus]:
    """Every corpus of the study by its name, from catalogue.yaml."""
    text = resources.files(__package__).joinpath("catalogue.yaml").read_text(encoding="utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    return {name: Corpus.model_validate(_completed(name, document)) for name in document["corpora"]}


def entry(name: str, own: Mapping[str, Corpus] | None = None) -> Corpus:
    """The corpus of that name; a user's own entry takes the place of one in the catalogue.

    Raises:
        UserError: there is none; the nearest known names are given.
    """
    known = {**catalogue(), **(own or {})}
    if name in known:
        return known[name]
    spelt = {other.lower(): other for other in known}
    near = [spelt[other] for other in difflib.get_close_matches(name.lower(), spelt, n=3)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
    raise UserError(f"there is no corpus {name!r}: {hint} (a corpus of your own is described under own_corpora)")


def sources(corpus: Corpus) -> dict[str, Source]:
    """Split to source. Token files are kept as <split>.tsv, files of another kind under their own names."""
    return {split: _source(corpus, split, file) for split, file in corpus.files.items()}


def _source(corpus: Corpus, split: str, file: File) -> Source:
    name = f"{split}.tsv" if corpus.kind == "tokens" else PurePosixPath(file.name).name
    if corpus.address is None:
        path = Path(corpus.folder or "").expanduser() / file.name
        return Source(name, path=str(path), blob=file.blob, bytes=file.bytes)
    url = f"{corpus.address.rstrip('/')}/{quote(file.name)}"
    return Source(name, url=url, blob=file.blob, bytes=file.bytes)


def _completed(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of catalogue.yaml with what it leaves to its repository and to the corpus that it is part of."""
    given = dict(document["corpora"][name])
    shared = dict(document["repositories"][given.pop("repository")])
    whole = document["corpora"][given.pop("part_of", name)]
    address = [shared.pop("address"), shared.pop("commit"), given.pop("path", "")]
    terms = [whole["licence"], shared.get("licence")]
    publications = [whole["citation"], shared.pop("citation", None)]
    given.pop("citation", None)
    return {
        **shared,
        **given,
        "address": "/".join(part for part in address if part),
        "licence": " ".join(part for part in terms if part),
        "citations": [publication for publication in publications if publication],
    }
