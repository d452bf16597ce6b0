"""The names that a table is ordered by, from a params.yaml of any age."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from metalstm.errors import UserError


class _Names(BaseModel):
    """Whatever else stands in the file may have been written for another version."""

    model_config = ConfigDict(extra="ignore")


class Settings(_Names):
    """The settings of the models for one corpus and for a group."""

    per_corpus: list[str] = Field(default_factory=list)
    per_group: list[str] = Field(default_factory=list)


class Images(_Names):
    """Sets of images and the variants of cells that read them."""

    sets: list[str] = Field(default_factory=list)
    variants: dict[str, Any] = Field(default_factory=dict)


class Names(_Names):
    """What a study is about."""

    corpora: list[str]
    groups: dict[str, list[str]] = Field(default_factory=dict)
    settings: Settings = Settings()
    cells: list[str] = Field(default_factory=list)
    images: Images = Images()

    @property
    def all_settings(self) -> list[str]:
        """Those of one corpus first."""
        return [*self.settings.per_corpus, *self.settings.per_group]

    def members(self, group: str) -> Sequence[str]:
        """The corpora of a group that the study has."""
        return [corpus for corpus in self.groups[group] if corpus in self.corpora]

    def left_out(self, groups: Iterable[str]) -> Sequence[str]:
        """The corpora of some groups that the study has not."""
        named = dict.fromkeys(corpus for group in groups for corpus in self.groups[group])
        return [corpus for corpus in named if corpus not in self.corpora]


def read(path: Path) -> Names:
    """The names in a params.yaml; keys and values that no table needs are not looked at.

    Raises:
        UserError: there is no such file, or no corpora are named in it.
    """
    try:
        return Names.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the study's params.yaml stands beside its results") from None
    except (YAMLError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a study's params.yaml ({str(error).splitlines()[0]})") from None
