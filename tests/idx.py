"""Small sets of images in the idx format, made for tests."""

import gzip
import struct
from pathlib import Path

import numpy as np

FILES = ("train-images", "train-labels", "test-images", "test-labels")


def packed(array: np.ndarray) -> bytes:
    """The array of unsigned bytes as an idx file, packed by gzip."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), mtime=0)


def bars(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 6 x 5 noisy pixels and their labels 0, 1, 2: one bright row, in the place that the label tells."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, number)
    pixels = random.integers(0, 60, (number, 6, 5))
    pixels[np.arange(number), 2 * labels] += 180
    return pixels, labels


def write_set(folder: Path, *, train: int = 300, test: int = 60) -> dict[str, str]:
    """A set of images as four files in `folder`; their names by role."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {role: f"{role}.idx.gz" for role in FILES}
    for split, number, seed in (("train", train, 1), ("test", test, 2)):
        pixels, labels = bars(number, seed)
        (folder / names[f"{split}-images"]).write_bytes(packed(pixels))
        (folder / names[f"{split}-labels"]).write_bytes(packed(labels))
    return names
