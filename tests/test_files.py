"""Files that appear only when they are whole."""

import os
import platform
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from metalstm.files import atomic, unfinished


@pytest.fixture
def umask() -> int:
    """The umask, which only setting it tells."""
    found = os.umask(0o022)
    os.umask(found)
    return found


def test_what_was_interrupted_leaves_the_file_from_before(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    with atomic(path) as temporary:
        temporary.write_text("before")
    with suppress(KeyboardInterrupt), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert [(found.name, found.read_text()) for found in path.parent.iterdir()] == [("file.txt", "before")]


def test_two_machines_that_share_a_disk_do_not_write_to_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    with atomic(path) as here:
        monkeypatch.setattr(platform, "node", lambda: "another")
        with atomic(path) as there:
            there.write_text("there")
            here.write_text("here")
            assert {*unfinished(tmp_path, "*.txt")} == {here, there}
        assert path.read_text() == "there"
    assert [found.read_text() for found in tmp_path.iterdir()] == ["here"]


def test_a_file_of_any_library_may_be_read_as_the_umask_says(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "weights.safetensors"
    with atomic(path) as temporary:
        save_file({"weights": np.zeros(2)}, temporary)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
