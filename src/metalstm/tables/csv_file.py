"""A table as CSV: the fields of a dataclass are its columns, and each of its objects a row."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from metalstm.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Made = TypeVar("Made")


def text(rows: "Sequence[DataclassInstance]", kind: "type[DataclassInstance]", number: str = ".4f") -> str:
    """The table of `rows`, all of `kind`; floats as `number` says, empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(kind))
    for row in rows:
        values: list[Any] = list(asdict(row).values())
        writer.writerow(format(value, number) if isinstance(value, float) else value for value in values)
    return out.getvalue()


def read(path: Path, make: Callable[[dict[str, str]], Made], needed: Sequence[str]) -> list[Made]:
    """What `make` makes of each row, column to text.

    Raises:
        UserError: there is no such file, or it is not a table with the columns `needed`.
    """
    try:
        return [make(row) for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))]
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run the study first, or name another one") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path}: not a table with the columns {', '.join(needed)}") from None
