"""A JSON schema of params.yaml, by which editors complete keys and check values while they are typed.

Written anew by `make schema`. It says less than `metalstm.parameters`, which alone decides what is a study: nothing of
what must hold between values.
"""

import ast
import inspect
import json
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from metalstm.files import write_text_if_changed
from metalstm.options import Options
from metalstm.schema import Study


def text() -> str:
    """The schema as it stands in its file."""
    return json.dumps(Study.model_json_schema(schema_generator=_Described), indent=1, ensure_ascii=False) + "\n"


class _Described(GenerateJsonSchema):
    """With the words that stand below a field in the source, and no titles that only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """No."""
        return False

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """The schema of one class of options."""
        made = super().model_schema(schema)
        classes = [base for base in schema["cls"].__mro__ if issubclass(base, Options)]
        for name, words in (item for base in classes for item in _below_fields(base).items()):
            made["properties"][name].setdefault("description", words)
        return made


def _below_fields(options: type[Options]) -> dict[str, str]:
    """What is said below each field that a class has of its own; pydantic keeps no such words."""
    [defined] = ast.parse(textwrap.dedent(inspect.getsource(options))).body
    said: dict[str, str] = {}
    for field, words in pairwise(defined.body if isinstance(defined, ast.ClassDef) else []):
        match field, words:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                said[name] = " ".join(text.split())
    return said


if __name__ == "__main__":
    write_text_if_changed(Path(sys.argv[1]), text())
