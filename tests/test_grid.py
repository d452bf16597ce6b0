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

PARAMS = Path(__file__).parents[1] / "params.yaml"
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
    assert "lstm-learning_rate-0.002-num_layers-2-patience-None" in names
    trained = [overrides.network_and_training(after, "stm", "linnaeus", name) for name in names]
    assert [(training.optimiser.learning_rate, network.num_layers) for network, training in trained] == [
        (0.002, 1),
        (0.002, 2),
        (0.004, 1),
        (0.004, 2),
    ]
    assert after.model_copy(update={"cells": before.cells, "variants": before.variants}) == before


def test_comments_and_other_values_stay(params: Path) -> None:
    grid.add(params, "lstm", grid.parse(WORDS))
    lines = params.read_text("utf-8").splitlines()
    rest = [line for line in PARAMS.read_text("utf-8").splitlines() if not line.startswith(("cells:", "variants:"))]
    kept = iter(lines)
    assert all(line in kept for line in rest)


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
    assert [*grid.variants("lstm", {"training.optimiser.name": ["sgd"]})] == ["lstm-optimiser-sgd"]


def test_keys_of_one_name_are_told_apart() -> None:
    made = grid.variants("lstm", {"model.dropout.input": [0.5], "training.input": [1]})
    assert [*made] == ["lstm-dropout.input-0.5-training.input-1"]


VALUES = st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["adamw", "sgd"])), min_size=1, max_size=3, unique=True)


@given(values=st.dictionaries(st.sampled_from(["model.a", "model.b.c", "options.a", "training.d"]), VALUES, min_size=1))
def test_there_are_as_many_variants_as_combinations(values: dict[str, list[Any]]) -> None:
    made = grid.variants("lstm", values)
    assert len(made) == math.prod(map(len, values.values()))
    for place, tried in values.items():
        assert {reduce(getitem, place.split("."), variant) for variant in made.values()} == set(tried)
