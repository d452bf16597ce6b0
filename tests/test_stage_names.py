"""Names of stages: each is one job's alone, or the study is refused."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from metalstm import parameters, stage_names
from metalstm.errors import UserError
from metalstm.schema import Study

ROOT = Path(__file__).parents[1]
OWN = "{folder: here, files: {train: a, devel: b, test: c}}"
STUDY = f"""\
corpora: [demo, demo-mixed]
groups:
  x: [demo]
  plus: [demo-mixed]
settings: {{per_corpus: [stm], per_group: [mtm, mtm-plus]}}
cells:
  - lstm
seeds: [1, 2]
vectors: {{corpora: [demo]}}
language_models:
  small: {{}}
variants:
  other: {{cell: lstm}}
images:
  sets: [MNIST, MNIST-2]
  variants:
    rnn: {{cell: rnn}}
  seeds: [1]
own_corpora:
  demo: {OWN}
  demo-mixed: {OWN}
  mixed: {OWN}
  MNIST-2: {{kind: images, folder: here, files: {{train-images: a, train-labels: b, test-images: c, test-labels: d}}}}
"""


def read(folder: Path, text: str) -> Study:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return parameters.read(path)


@pytest.mark.parametrize(
    ("changes", "line", "words"),
    [
        (
            {"other:": "mixed-lstm:", "- lstm": "- lstm\n  - mixed-lstm"},
            1,
            "stm/demo/mixed-lstm/1 and stm/demo-mixed/lstm/1 would both be stm-demo-mixed-lstm-1 for `dvc repro`",
        ),
        ({"plus:": "plus-x:"}, 5, "mtm/plus-x/lstm/1 and mtm-plus/x/lstm/1 would both be mtm-plus-x-lstm-1"),
        (
            {"demo-mixed]": "demo-mixed, mixed]", "small: {}": "small: {}\n  small-demo: {}"},
            12,
            "small/demo-mixed and small-demo/mixed would both be small-demo-mixed",
        ),
        (
            {"rnn: {": "2-rnn: {cell: rnn}\n    rnn: {"},
            15,
            "MNIST/2-rnn/1 and MNIST-2/rnn/1 would both be MNIST-2-rnn-1",
        ),
    ],
)
def test_two_jobs_of_one_name_for_dvc_are_refused(
    tmp_path: Path, changes: dict[str, str], line: int, words: str
) -> None:
    text = STUDY
    for wrong, right in changes.items():
        text = text.replace(wrong, right, 1)
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}:{line}: {words}")


def test_names_that_only_look_alike_are_taken(tmp_path: Path) -> None:
    study = read(tmp_path, STUDY.replace("x: [demo]", "x: [demo]\n  x-lstm: [demo]"))
    assert [*study.groups] == ["x", "x-lstm", "plus"]


def test_every_stage_that_dvc_names_by_several_lists_is_looked_at() -> None:
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"].values()
    matrices = {
        tuple(re.fullmatch(r"\$\{(.+)\}", listed)[1] for listed in stage["matrix"].values())
        for stage in stages
        if "matrix" in stage
    }
    assert set(stage_names.MATRICES) <= matrices
    for matrix in matrices:
        assert len(matrix) == 1 or any(matrix == longer[: len(matrix)] for longer in stage_names.MATRICES), matrix
