"""Images and their labels, in the idx format of MNIST.

The format is described on the page of the MNIST database (LeCun, Cortes and Burges): two zero bytes, the type of the
values (8: unsigned bytes), the number of dimensions, the size of each as a big-endian 32-bit integer, the values.
"""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from metalstm.errors import UserError

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 8

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Images:
    """Grey images and what they show."""

    pixels: Bytes
    """`[images, rows, columns]`, from 0 to 255."""
    labels: Bytes
    """`[images]`, counted from 0."""

    def __len__(self) -> int:
        """How many images."""
        return len(self.labels)

    def part(self, first: int, last: int) -> Self:
        """The images from number `first` up to `last`, which is not among them."""
        return type(self)(self.pixels[first:last], self.labels[first:last])


def read(pixels: Path, labels: Path) -> Images:
    """Read the images of one file and their labels from another; both may be packed by gzip.

    Raises:
        UserError: a file is damaged or not what it should be, or the two do not belong together.
    """
    images = Images(read_idx(pixels, dimensions=3), read_idx(labels, dimensions=1))
    if len(images.pixels) != len(images.labels):
        raise UserError(
            f"{labels}: {len(images.labels)} labels, but {pixels} has {len(images.pixels)} images; fetch both again"
        )
    if images.pixels.size == 0:
        raise UserError(f"{pixels}: no image in it; fetch it again")
    return images


def read_idx(path: Path, *, dimensions: int) -> Bytes:
    """The array of unsigned bytes in an idx file.

    Raises:
        UserError: the file is damaged, or has other values or another number of dimensions.
    """
    content = _unpacked(path)
    header = struct.calcsize(f">4B{dimensions}I")
    if len(content) < header or content[:2] != b"\0\0":
        raise UserError(f"{path}: not an idx file of {dimensions} dimensions; remove it and fetch it again")
    _, _, kind, found, *sizes = struct.unpack_from(f">4B{dimensions}I", content)
    if (kind, found) != (_UNSIGNED_BYTES, dimensions):
        raise UserError(
            f"{path}: an idx file of type {kind} with {found} dimensions, expected type {_UNSIGNED_BYTES} (unsigned "
            f"bytes) with {dimensions}; are the files of images and labels exchanged?"
        )
    if len(content) - header != math.prod(sizes):
        raise UserError(
            f"{path}: {len(content) - header} values, but its header announces {' x '.join(map(str, sizes))}; "
            "remove it and fetch it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(sizes)


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged ({error}); remove it and fetch it again") from None
