import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import idx
from metalstm.corpora import images
from metalstm.errors import UserError


def written(folder: Path, content: bytes, name: str = "x.gz") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(0, 4)] * 3)), st.booleans())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, plain: bool) -> None:
    content = idx.packed(array)
    path = written(tmp_path_factory.mktemp("idx"), gzip.decompress(content) if plain else content)
    found = images.read_idx(path, dimensions=3)
    assert found.shape == array.shape
    assert np.array_equal(found, array)


def test_images_and_labels_are_read_together_and_taken_apart(tmp_path: Path) -> None:
    names = idx.write_set(tmp_path)
    read = images.read(tmp_path / names["train-images"], tmp_path / names["train-labels"])
    pixels, labels = idx.bars(300, 1)
    assert len(read) == 300
    part = read.part(290, 300)
    assert np.array_equal(part.pixels, pixels[290:])
    assert np.array_equal(part.labels, labels[290:])


GOOD = idx.packed(np.zeros((2, 3, 4)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD[:-20], "damaged"),
        (GOOD[:20] + b"\xff\xff\xff" + GOOD[23:], "damaged"),
        (b"", "not an idx file of 3 dimensions"),
        (b"<html>not found, and here are some more words</html>", "not an idx file"),
        (gzip.compress(gzip.decompress(GOOD)[:-1], mtime=0), "23 values, but its header announces 2 x 3 x 4"),
        (gzip.compress(gzip.decompress(GOOD) + b"\0", mtime=0), "25 values, but its header announces"),
        (idx.packed(np.zeros(16)), "type 8 with 1 dimensions, expected .* with 3; .* exchanged"),
        (gzip.compress(b"\0\0\x0d\x03" + gzip.decompress(GOOD)[4:], mtime=0), "type 13 with 3 dimensions"),
    ],
    ids=["cut short", "changed", "empty", "a page", "a value less", "a value more", "labels", "floats"],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: bytes, words: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UserError, match=words) as caught:
        images.read_idx(path, dimensions=3)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    pixels, labels = written(tmp_path, GOOD, "pixels"), written(tmp_path, idx.packed(np.zeros(3)), "labels")
    with pytest.raises(UserError, match=r"3 labels, but .*pixels has 2 images"):
        images.read(pixels, labels)
    nothing = written(tmp_path, idx.packed(np.zeros((0, 3, 4))), "nothing")
    with pytest.raises(UserError, match="no image in it"):
        images.read(nothing, written(tmp_path, idx.packed(np.zeros(0)), "no-labels"))


def test_the_real_files_have_the_published_counts(mirror: Path) -> None:
    [folder] = (mirror / "raw.githubusercontent.com/fgnt/mnist").iterdir()
    read = images.read(folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz")
    assert read.pixels.shape == (10000, 28, 28)
    # What a model that always answers the most frequent digit tells right.
    assert np.bincount(read.labels).max() == (read.labels == 1).sum() == 1135
