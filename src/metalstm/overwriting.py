"""What a command reads it does not overwrite."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from metalstm.errors import UserError


def require_apart(sources: Iterable[Path | None], targets: Iterable[Path | None]) -> None:
    """Accept files to write that are none of the files that are read, whatever they are called; None is no file.

    Raises:
        UserError: one of the `targets` is one of the `sources`.
    """
    read = {file: source for source in sources if (file := _identity(source))}
    for target in targets:
        if source := read.get(_identity(target) or ()):
            raise UserError(
                f"{target}: expected another file than {source}, which is read and would be lost; "
                "name another one to write"
            )


def _identity(path: Path | None) -> tuple[int, ...] | None:
    """By what the disk knows a file; None for what is no file, such as a pipe or a terminal, which may be both."""
    try:
        status = os.stat(path) if path is not None else None
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status and stat.S_ISREG(status.st_mode) else None
