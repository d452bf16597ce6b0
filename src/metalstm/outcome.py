"""How a command ends: its exit code, and one line for what a person can mend."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import typer

from metalstm.errors import UserError


def open_output() -> None:
    """Let standard output take any text, whatever the locale and the names of files are, also where it is closed."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (as long as the process)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def beside(written: Path) -> TextIO:
    """Where a command says what it wrote: standard output, or standard error where that would be among the data.

    To be asked before anything is written: a file that standard output was sent to is known by the disk alone, and is
    another one afterwards. A pipe or a device may be what standard output is, under whichever name.
    """
    if written.is_dir() or not written.exists():
        return sys.stdout
    try:
        among = not written.is_file() or os.path.samestat(written.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # standard output is no file, as in a test
        among = False
    return sys.stderr if among else sys.stdout


def of(part: Callable[[], object]) -> int | str:
    """Run a part of a command; the code that it returns or ends with, 1 after a user's mistake."""
    try:
        code = part()
    except UserError as error:
        return _refuse(str(error))
    except typer.TyperException as error:
        message = " ".join(error.format_message().split())
        return _refuse(f"{message} (see `metalstm --help` and `metalstm COMMAND --help`)")
    except BrokenPipeError:  # whoever read our output has seen enough; keep Python from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:  # Typer's own, where nobody reads the output; a signal gives another code
        return 0 if end.code in (None, 1) else end.code
    except OSError as error:
        return _refuse(f"{error.filename or 'output'}: {error.strerror or error}")
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    print(f"metalstm: {message}", file=sys.stderr)
    return 1
