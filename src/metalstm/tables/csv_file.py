"""A table as CSV: the fields of a dataclass are its columns, and each of its objects a row."""

import csv
import io
from collections.abc import Sequence
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from metalstm.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Made = TypeVar("Made", bound="DataclassInstance")


def text(rows: "Sequence[DataclassInstance]", kind: "type[DataclassInstance]", number: str = ".4f") -> str:
    """The table of `rows`, all of `kind`; floats as `number` says, empty where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(field.name for field in fields(kind))
    for row in rows:
        values: list[Any] = list(asdict(row).values())
        writer.writerow(format(value, number) if isinstance(value, float) else value for value in values)
    return out.getvalue()


def read(path: Path, kind: type[Made]) -> list[Made]:
    """The objects of `kind` that `text` wrote; a column whose field has a default may be missing.

    Raises:
        UserError: there is no such file, or it is not such a table.
    """
    named = fields(kind)
    needed = [field.name for field in named if field.default is MISSING]
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        if not set(needed) <= set(reader.fieldnames or ()):
            raise KeyError  # here, as a table may have no row in which a column could be missed
        return [kind(**{field.name: _value(field, row) for field in named}) for row in reader]
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; run the study first, or name another one") from None
    except (KeyError, TypeError, ValueError, csv.Error):
        raise UserError(f"{path}: not a table with the columns {', '.join(needed)}") from None


def _value(field: Field[Any], row: dict[str, str]) -> Any:
    if field.default is not MISSING and field.name not in row:
        return field.default
    text = row[field.name]
    if field.type is str:
        return text
    if text == "" and field.type not in (int, float):
        return None
    return int(text) if field.type is int else float(text)
