"""Grids: variants written into params.yaml, and nothing else changed there."""

import math
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metalstm import grid, overrides, parameters
from metalstm.errors import UserError

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params.yaml"
STUDIES = [
    *("params.yaml", "examples/demo/params.yaml", "examples/recipe/params.yaml", "examples/conll2003/params.yaml"),
    "examples/names/params.yaml",
    "results/reference/kernels/params.yaml",
]
WORDS = ["training.optimiser.learning_rate=0.002,0.004", "model.num_layers=1,2", "training.patience=null"]


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_bytes(PARAMS.read_bytes())
    return path


def test_each_combination_is_a_variant_that_is_trained(params: Path) -> None:
    before = parameters.read(params)
    names = grid.add(params, "lstm", grid.parse(WORDS))
    after = parameters.read(params)
    assert after.cells == [*before.cells, *names]
    assert len(names) == len(set(names)) == 4
    assert "lstm-learning_rate-0.002-num_layers-2-patience-null" in names
    trained = [overrides.network_and_training(after, "stm", "linnaeus", name) for name in names]
    assert [(training.optimiser.learning_rate, network.num_layers) for network, training in trained] == [
        (0.002, 1),
        (0.002, 2),
        (0.004, 1),
        (0.004, 2),
    ]
    assert after.model_copy(update={"cells": before.cells, "variants": before.variants}) == before


@pytest.mark.parametrize("end_of_line", ["\n", "\r\n"])
@pytest.mark.parametrize("study", STUDIES, ids=str)
def test_every_other_byte_stays(study: str, end_of_line: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    before = (ROOT / study).read_text("utf-8")
    path.write_text(before, encoding="utf-8", newline=end_of_line)
    cell = parameters.read(path).cells[0]
    names = [*grid.add(path, cell, grid.parse(WORDS[:1])), *grid.add(path, cell, grid.parse(WORDS[:2]))]
    text = path.read_bytes().decode("utf-8")
    assert text.count("\r\n") == (text.count("\n") if end_of_line == "\r\n" else 0)
    rest = [
        [
            line
            for line in lines
            if not line.startswith(("cells:", "variants:")) and not any(map(line.__contains__, names))
        ]
        for lines in (before.rstrip().splitlines(), text.rstrip().splitlines())
    ]
    assert rest[0] == rest[1] or rest[0] == rest[1][:-1], "but for an empty line before new variants"


@pytest.mark.parametrize(
    ("cells", "variants"),
    [
        ("cells:    [lstm]", "variants:      {}"),
        ("cells: [lstm,]  # ours", "variants: {}  # none yet"),
        ("cells: [\n  lstm,  # ours\n]", "variants: {wide: {cell: lstm, model: {hidden_size: 200}},}"),
        ("cells:\n- lstm  # ours", "variants:\n    wide:\n        cell: lstm\n\n"),
    ],
)
def test_other_ways_to_write_a_file_do_too(params: Path, cells: str, variants: str) -> None:
    text = params.read_text("utf-8").replace("cells: [lstm]", cells).replace("variants: {}", variants)
    params.write_text(text, "utf-8")
    before = parameters.read(params)
    names = grid.add(params, "lstm", grid.parse(WORDS[:1]))
    after = parameters.read(params)
    assert after.cells == ["lstm", *names]
    assert [*after.variants] == [*before.variants, *names]
    assert after.model_copy(update={"cells": before.cells, "variants": before.variants}) == before


def test_a_file_may_have_line_ends_of_both_kinds(params: Path) -> None:
    text = params.read_bytes().replace(b"\n", b"\r\n").replace(b"cells: [lstm]\r\n", b"cells:\n  - lstm\n")
    params.write_bytes(text)
    [name] = grid.add(params, "lstm", grid.parse(["model.num_layers=2"]))
    assert parameters.read(params).cells == ["lstm", name]


def test_a_file_without_a_place_for_variants_is_named(params: Path) -> None:
    text = params.read_text("utf-8").replace("variants: {}", "") + "...\n"
    params.write_text(text, "utf-8")
    with pytest.raises(UserError, match=r"params\.yaml: no place was found"):
        grid.add(params, "lstm", grid.parse(["model.num_layers=2"]))
    assert params.read_text("utf-8") == text


def test_a_search_can_begin_with_a_variant(params: Path) -> None:
    text = params.read_text("utf-8").replace(
        "variants: {}", "variants: {wide: {cell: lstm, model: {hidden_size: 200}}}"
    )
    params.write_text(text, "utf-8")
    [name] = grid.add(params, "wide", grid.parse(["model.num_layers=2"]))
    assert name == "wide-num_layers-2"
    network, _ = overrides.network_and_training(parameters.read(params), "stm", "linnaeus", name)
    assert (network.hidden_size, network.num_layers) == (200, 2)


def test_a_value_that_an_override_would_undo_is_refused(params: Path) -> None:
    override = "overrides:\n  - {when: {scope: linnaeus}, training: {epochs: 12, optimiser: {weight_decay: 0.1}}}"
    params.write_text(params.read_text("utf-8").replace("overrides: []", override), "utf-8")
    text = params.read_bytes()
    with pytest.raises(UserError, match=r"stm/linnaeus/lstm-epochs-10 training\.epochs: 12"):
        grid.add(params, "lstm", grid.parse(["training.epochs=10,20"]))
    assert params.read_bytes() == text
    grid.add(params, "lstm", grid.parse(["training.optimiser={learning_rate: 0.1}"]))


def test_an_override_may_take_away_what_a_value_is_within(params: Path) -> None:
    override = "overrides:\n  - {when: {scope: linnaeus}, training: {averaging: null}}"
    params.write_text(params.read_text("utf-8").replace("overrides: []", override), "utf-8")
    with pytest.raises(UserError, match=r"training\.averaging\.last_epochs: None, so that 3"):
        grid.add(params, "lstm", grid.parse(["training.averaging.last_epochs=3"]))


def test_a_grid_can_grow_and_leaves_alone_what_is_there(params: Path) -> None:
    grid.add(params, "lstm", grid.parse(["model.num_layers=1"]))
    grid.add(params, "lstm", grid.parse(["model.num_layers=1,2"]))
    once = params.read_bytes()
    assert parameters.read(params).cells == ["lstm", "lstm-num_layers-1", "lstm-num_layers-2"]
    grid.add(params, "lstm", grid.parse(["model.num_layers=1,2"]))
    assert params.read_bytes() == once


def test_another_variant_of_the_name_is_not_replaced(params: Path) -> None:
    text = params.read_text("utf-8").replace("variants: {}", "variants:\n  lstm-num_layers-2: {cell: rnn}")
    params.write_text(text, "utf-8")
    with pytest.raises(UserError, match="another variant lstm-num_layers-2"):
        grid.add(params, "lstm", grid.parse(["model.num_layers=1,2"]))
    assert params.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.layers=1"], "unknown key `layers`"),
        (["model.num_layers=two"], "valid integer; got 'two'"),
        (["model.contextual=small"], "no language model 'small'"),
        (["seeds=1,2"], "expected a place in model, training, options"),
        (["model=1"], "expected a place in model, training, options"),
        (["model.num_layers"], "expected PLACE=VALUE"),
        (["model.num_layers="], "no value to try"),
        (["model.num_layers=[1"], "not YAML"),
        (["training.epochs=2026-13-45"], "not YAML"),
        (["training.epochs=2026-12-24"], "got '2026-12-24'"),
        (["training.epochs=&a [*a]"], "not YAML"),
        (["model.num_layers=1,2] # x"], "not one list"),
        (["training.optimiser={name: sgd}", "training.optimiser.momentum=0.1"], "is a part of training.optimiser"),
        (["training.batch_size=16", "training.batch_size.x=3"], "is a part of training.batch_size"),
        (["model.gazetteers=[" + "a" * 120 + "]"], "longer than 120"),
        (["model.num_layers=1,1"], "two combinations have this name"),
        (["model.num_layers=1", "model.num_layers=2"], "named twice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(params: Path, words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("[", r"\[")):
        grid.add(params, "lstm", grid.parse(words))
    assert params.read_bytes() == PARAMS.read_bytes()


def test_a_cell_that_there_is_not_is_named(params: Path) -> None:
    with pytest.raises(UserError, match="gru"):
        grid.add(params, "gru", grid.parse(["model.num_layers=1"]))


def test_an_optimiser_is_named_by_what_it_is() -> None:
    assert [*grid.variants("lstm", {"training.optimiser.name": ["sgd"]}, {})] == ["lstm-optimiser-sgd"]


def test_values_are_named_as_they_are_written() -> None:
    made = grid.variants("lstm", {"model.gazetteers": [[], ["a", "b"]], "options.gain": [-0.1, 0.1]}, {})
    assert [*made] == [
        *("lstm-gazetteers-none-gain--0.1", "lstm-gazetteers-none-gain-0.1"),
        *("lstm-gazetteers-a_b-gain--0.1", "lstm-gazetteers-a_b-gain-0.1"),
    ]


def test_keys_of_one_name_are_told_apart() -> None:
    made = grid.variants("lstm", {"model.dropout.input": [0.5], "training.input": [1]}, {})
    assert [*made] == ["lstm-dropout.input-0.5-training.input-1"]


VALUES = st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["adamw", "sgd"])), min_size=1, max_size=3, unique=True)


@given(values=st.dictionaries(st.sampled_from(["model.a", "model.b.c", "options.a", "training.d"]), VALUES, min_size=1))
def test_there_are_as_many_variants_as_combinations(values: dict[str, list[Any]]) -> None:
    made = grid.variants("lstm", values, {"cell": "lstm"})
    assert len(made) == math.prod(map(len, values.values()))
    for place, tried in values.items():
        assert {reduce(getitem, place.split("."), variant) for variant in made.values()} == set(tried)
