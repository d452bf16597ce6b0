"""The JSON schema of params.yaml: in step with the options, and every study here is one by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from metalstm import json_schema, parameters

ROOT = Path(__file__).parents[1]
FILE = ROOT / "workflow/schemas/params.schema.json"
STUDIES = [ROOT / "params.yaml", *sorted(ROOT.glob("examples/*/params.yaml"))]


def study(path: Path) -> Any:
    return parameters.plain(parameters.document(path))


def faults(document: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_the_file_is_in_step_with_the_options() -> None:
    assert FILE.read_text("utf-8") == json_schema.text(), "`make schema` writes it anew"


def test_a_field_is_described_as_in_the_source() -> None:
    options = json.loads(json_schema.text())["$defs"]["JointTrainingOptions"]["properties"]
    assert options["device"]["description"] == "auto: a graphics processor if there is one."
    assert options["patience"]["description"].startswith("Stop after so many epochs")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.parent.name)
def test_the_studies_here_are_valid(path: Path) -> None:
    assert not faults(study(path))


def test_what_the_loader_refuses_is_marked() -> None:
    document = study(STUDIES[0])
    document["training"] |= {"epochz": 3, "batch_size": 0}
    assert len(faults(document)) == 2


def test_params_yaml_says_where_its_schema_is() -> None:
    first = STUDIES[0].read_text("utf-8").splitlines()[0]
    assert ROOT / first.partition("$schema=")[2] == FILE
