"""Whether and where runs are tracked, as the plan says it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from metalstm.errors import UserError

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of results/plan/tracking.json, which stands beside the plans and is no job's input."""

    uri: str | None = None
    """The store; None where tracking is not wanted."""
    group_of: dict[str, str] = field(default_factory=dict)
    """The group under which a single corpus's runs are shown."""

    @classmethod
    def read(cls, results: Path) -> Self:
        """The settings below `results`; no file, no tracking.

        Raises:
            UserError: the file is not what `metalstm plan` writes.
        """
        path = results / "plan" / "tracking.json"
        if not path.is_file():
            return cls()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            uri: str = content["uri"]
            if uri.startswith(_SQLITE):  # relative to the study's folder
                uri = f"{_SQLITE}{results.parent / uri.removeprefix(_SQLITE)}"
            return cls(uri if content["enabled"] else None, dict(content["group_of"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path}: not tracking settings ({error!r}); `metalstm plan` writes them anew") from None

    def group(self, scope: str) -> str:
        """The group of a corpus; a group, and a corpus without one, is its own."""
        return self.group_of.get(scope, scope)
