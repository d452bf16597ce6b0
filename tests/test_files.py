"""Files that appear only when they are whole."""

import errno
import os
import platform
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from metalstm.errors import UserError
from metalstm.files import atomic, unfinished, write_text


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


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written_whole(tmp_path: Path, exists: bool) -> None:
    target, link = tmp_path / "disk/target.txt", tmp_path / "link.txt"
    if exists:
        write_text(target, "before")
    link.symlink_to("disk/target.txt")
    with suppress(KeyboardInterrupt), atomic(link) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.exists() == exists
    write_text(link, "whole")
    assert link.is_symlink()
    assert {found.name: found.read_text() for found in target.parent.iterdir()} == {"target.txt": "whole"}
    assert {*tmp_path.iterdir()} == {link, target.parent}


def test_a_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "results").symlink_to("disk")
    write_text(tmp_path / "results/run/file.txt", "written")
    assert (tmp_path / "disk/run/file.txt").read_text() == "written"


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path, linked: bool) -> None:
    pipe = path = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(path, "through")
    reader.join(timeout=10)
    assert found == ["through"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", [".", "..", "folder", "folder/..", "link"])
def test_a_folder_is_no_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("link").symlink_to("folder")
    with pytest.raises(UserError) as refused:
        write_text(Path(name), "text")
    assert (
        str(refused.value) == f"{name}: expected the name of a file to write, but this is a folder; name a file in it"
    )
    assert {found.name for found in tmp_path.iterdir()} == {"folder", "link"}


def test_a_full_disk_is_told_with_the_name_of_the_file() -> None:
    with pytest.raises(UserError, match=r"^/dev/full: cannot be written: No space left on device$"):
        write_text(Path("/dev/full"), "text")


def test_a_folder_that_cannot_be_made_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/below/text\.txt: cannot be written: "):
        write_text(tmp_path / "file/below/text.txt", "text")


def test_an_error_of_another_file_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "file.txt"):
        (tmp_path / "another.txt").read_text()
    with pytest.raises(BrokenPipeError), atomic(tmp_path / "file.txt"):
        raise BrokenPipeError
    with pytest.raises(OSError, match="Input/output error"), atomic(tmp_path / "file.txt"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_copy_to_a_full_disk_is_told_with_the_name_of_the_copy(tmp_path: Path) -> None:
    (tmp_path / "source.txt").write_text("text")
    with pytest.raises(UserError, match=r"copy\.txt: cannot be written: File too large"), atomic(tmp_path / "copy.txt"):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(tmp_path / "source.txt"))
