"""The features of a corpus in their file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from metalstm.errors import UserError
from metalstm.vectors import contextual

SENTENCES = st.lists(st.lists(st.integers(-1, 2**31 - 1), min_size=1, max_size=9), unique_by=tuple, max_size=9)


@given(sentences=SENTENCES, size=st.integers(1, 5), seed=st.integers(0, 9))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[int]], size: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("features") / "features.safetensors"
    drawn = np.random.default_rng(seed)
    features = {np.int32(one).tobytes(): np.float16(drawn.standard_normal((len(one), size))) for one in sentences}
    contextual.write(path, features, size)
    found = contextual.read(path)
    assert set(found) == set(features)
    assert len(found) == len(features)
    for key in [*features, *reversed(features)]:
        assert key in found
        assert found[key].dtype == np.float16
        np.testing.assert_array_equal(found[key], features[key])
    assert b"none" not in found


def written(folder: Path) -> Path:
    path = folder / "features.safetensors"
    keys = [np.int32([1, 2]).tobytes(), np.int32([3]).tobytes()]
    contextual.write(path, {key: np.ones((len(key) // 4, 3), np.float16) for key in keys}, 3)
    return path


def test_they_are_there_as_long_as_they_are_used(tmp_path: Path) -> None:
    path = written(tmp_path)
    found = contextual.read(path)
    contextual.write(tmp_path / "another.safetensors", {}, 3)
    (tmp_path / "another.safetensors").replace(path)
    assert found[np.int32([1, 2]).tobytes()].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert len(contextual.read(path)) == 0


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", whole[:5], whole[:-1], b"x" + whole[1:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"features\.safetensors: not the features of a corpus"):
            contextual.read(path)


@pytest.mark.parametrize("tensor", ["lengths", "read", "features"])
def test_a_file_that_does_not_fit_together_is_refused(tmp_path: Path, tensor: str) -> None:
    path = written(tmp_path)
    tensors = load_file(path)
    save_file(tensors | {tensor: tensors[tensor][1:]}, path)
    with pytest.raises(UserError, match="remove it, and they are made anew"):
        contextual.read(path)
    save_file({name: values for name, values in tensors.items() if name != tensor}, path)
    with pytest.raises(UserError, match="remove it, and they are made anew"):
        contextual.read(path)
