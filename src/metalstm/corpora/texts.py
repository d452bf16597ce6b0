"""Files of text that a user names in params.yaml: on this machine, or at an address."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, model_validator

from metalstm.files import sha256
from metalstm.options import Options


class TextFile(Options):
    """A file of text, on this machine or elsewhere."""

    file: str | None = None
    """A path, below the study's folder if relative; or, instead of it, `address`."""
    address: Annotated[str, Field(pattern="^https?://[^/]+/.*[^/]$")] | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """As `sha256sum` prints it; without one a download cannot be verified."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> "TextFile":
        if (self.file is None) == (self.address is None):
            raise ValueError("either `file` (on this machine) or `address` (http or https) is given, and not both")
        return self

    @model_validator(mode="after")
    def _has_a_name(self) -> "TextFile":
        if self.address is not None and self.name in ("", ".", ".."):
            raise ValueError(f"`address` {self.address} does not end in the name of a file")
        return self

    @property
    def origin(self) -> str:
        """The address, or the path on this machine."""
        return self.address or str(self.file)

    @property
    def name(self) -> str:
        """The file's own name, under which a download is kept."""
        path = self.file if self.address is None else unquote(urlsplit(self.address).path)
        return PurePosixPath(str(path)).name


def named(value: Any) -> Any:
    """What stands for a file that is given by its path or its address alone."""
    if isinstance(value, str):
        return {"address" if value.startswith(("http://", "https://")) else "file": value}
    return value


NamedTextFile = Annotated[TextFile, BeforeValidator(named, json_schema_input_type=str | TextFile)]
"""A file of text, or just its path or address."""


class Text(TextFile):
    """A file of text to learn from, on this machine or elsewhere."""

    tokenised: bool = False
    """Each line is a sentence, and what stands between its spaces are its tokens."""


NamedText = Annotated[Text, BeforeValidator(named, json_schema_input_type=str | Text)]
"""A text, or just its path or address."""


def planned(file: TextFile, downloads: str) -> dict[str, Any]:
    """What a plan says of a file: what params.yaml says, where a download is kept, and what the file has now."""
    own = Path(file.file) if file.file is not None else None
    content = sha256(own) if own is not None and own.is_file() else None  # the stage that reads it says so
    return {"kept": f"{downloads}/{file.name}" if file.address else None} | file.model_dump() | {"content": content}
