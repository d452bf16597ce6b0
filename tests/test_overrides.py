"""What decides in a run does something there, whoever of study, variant and override said it."""

from pathlib import Path

import pytest

from metalstm import parameters
from metalstm.errors import UserError
from metalstm.schema import Study

STUDY = """\
corpora: [NCBI-disease]
groups: {}
settings: {per_corpus: [stm], per_group: []}
cells: [lstm]
seeds: [1]
images: {sets: [], variants: {}, seeds: [1]}
training:
  epochs: 3
"""


def read(folder: Path, text: str) -> Study:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return parameters.read(path)


@pytest.mark.parametrize(
    ("study", "line", "words"),
    [
        (
            STUDY.replace("epochs: 3", "epochs: 3\n  averaging: {last_epochs: 4}"),
            9,
            "stm/NCBI-disease/lstm: training: `averaging.last_epochs` (4) is more than `epochs` (3); give",
        ),
        (
            f"{STUDY}  averaging: {{last_epochs: 3}}\noverrides:\n  - {{when: {{}}, training: {{epochs: 2}}}}\n",
            11,
            "`averaging.last_epochs` (3) is more than `epochs` (2)",
        ),
        (
            f"{STUDY}  patience: 3\n",
            9,
            "training: `patience` (3) is not less than `epochs` (3); give it fewer, or null",
        ),
        (
            f"{STUDY}  schedule:\n    name: linear\n    warmup_epochs: 4\n",
            11,
            "training: `schedule.warmup_epochs` (4) is not less than `epochs` (3); give it fewer, so that one",
        ),
        (
            STUDY.replace("cells: [lstm]", "cells: [short]")
            + "  patience: 2\nvariants:\n  short:\n    cell: lstm\n    training:\n      epochs: 2\n",
            14,
            "stm/NCBI-disease/short: training: `patience` (2) is not less than `epochs` (2)",
        ),
        (
            f"{STUDY}overrides:\n  - when: {{}}\n    training: {{batch_size: 2}}\n  - when: {{}}\n    training:\n"
            "      epochs: 2\n      patience: 2\n",
            15,
            "`patience` (2) is not less than `epochs` (2)",
        ),
        (
            STUDY.replace("{sets: [], ", "\n  patience: 5\n  sets: []\n  ")
            .replace("variants: {}, ", "variants: {a: {cell: rnn}}\n  ")
            .replace("[1]}", "[1]"),
            7,
            "images.variants.a.training: `patience` (5) is not less than `epochs` (5)",
        ),
        (f"{STUDY}  device: cpu\n  mixed_precision: true\n", 7, "`mixed_precision` is for a graphics processor, and"),
        (
            STUDY.replace(
                "{sets: [], variants: {}",
                "{sets: [], epochs: 1, variants: {a: {cell: rnn, training: {averaging: {last_epochs: 2}}}}",
            ),
            6,
            "images.variants.a.training: `averaging.last_epochs` (2) is more than `epochs` (1)",
        ),
    ],
)
def test_what_would_do_nothing_in_a_training_is_refused(tmp_path: Path, study: str, line: int, words: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, study)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}:{line}: ")


@pytest.mark.parametrize(
    "study",
    [
        f"{STUDY}  averaging: {{last_epochs: 3}}\n  continued: {{epochs: 2}}\n  mixed_precision: true\n",
        f"{STUDY}  averaging: {{last_epochs: 2}}\n  patience: 2\n  schedule: {{warmup_epochs: 2}}\n",
        # What every run changes.
        f"{STUDY}  averaging: {{last_epochs: 4}}\noverrides:\n  - {{when: {{}}, training: {{epochs: 4}}}}\n",
        f"{STUDY}  averaging: {{last_epochs: 4}}\n  patience: 4\n  schedule: {{warmup_epochs: 4}}\n"
        "overrides:\n  - {when: {}, training: {epochs: 5}}\n",
    ],
)
def test_what_does_something_in_every_run_is_taken(tmp_path: Path, study: str) -> None:
    assert read(tmp_path, study).training.averaging is not None


def test_another_optimiser_does_not_take_over_the_rate_of_sgd(tmp_path: Path) -> None:
    override = "overrides:\n  - {when: {cell: lstm}, training: {optimiser: {name: adamw}}}\n"
    with pytest.raises(UserError, match=r"params.yaml:10: .*training: adamw needs a `learning_rate`; 0.15 is that of"):
        read(tmp_path, STUDY + override)
    read(tmp_path, STUDY + override.replace("name: adamw", "name: adamw, learning_rate: 0.004"))
    variant = "{sets: [], optimiser: {name: sgd}, variants: {a: {cell: rnn, training: {optimiser: {name: adam}}}}"
    with pytest.raises(UserError, match=r"images.variants.a.training: adam needs a `learning_rate`"):
        read(tmp_path, STUDY.replace("{sets: [], variants: {}", variant))
