"""The features that a language model gives the sentences of a corpus, in a file.

safetensors (https://huggingface.co/docs/safetensors) with `lengths [sentences]` and, one sentence after the other,
`read [tokens]`, the number of each token's word vector or -1, both int32, and `features [tokens, size]`, float16.
"""

import io
import json
import weakref
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from metalstm.errors import UserError
from metalstm.files import atomic

Array = np.ndarray[Any, Any]

_NUMBER, _VALUE = np.dtype("<i4"), np.dtype("<f2")


def write(path: Path, features: Mapping[bytes, Array], size: int) -> None:
    """Write the features `[tokens, size]` of sentences, by the bytes of what is read of each, atomically."""
    read = [np.frombuffer(key, _NUMBER) for key in features]
    tensors = {
        "lengths": np.array([len(one) for one in read], dtype=_NUMBER),
        "read": np.concatenate([np.empty(0, dtype=_NUMBER), *read]),
        "features": np.concatenate([np.empty((0, size), dtype=_VALUE), *features.values()]),
    }
    with atomic(path, SafetensorError) as temporary:
        save_file(tensors, temporary)


def read(path: Path) -> Mapping[bytes, Array]:
    """What `write` wrote, of which the features stay in the file; UserError for another file or a damaged one."""
    try:
        return _InFile(path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not the features of a corpus ({error}); remove it, and they are made anew") from None


class _InFile(Mapping[bytes, Array]):
    """Features that are read from an open file whenever they are asked for.

    Those of a joint corpus take 200 MB, and every training beside this one would hold them once more; what a file has,
    the system keeps once for all of them, as long as there is room.
    """

    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="numpy") as file:
            lengths, read = file.get_tensor("lengths"), file.get_tensor("read")
            tokens, self._size = file.get_slice("features").get_shape()
        if not lengths.sum() == len(read) == tokens:
            raise ValueError(f"{lengths.sum()} tokens in sentences, {len(read)} that are read, {tokens} with features")
        ends = np.cumsum(lengths).tolist()
        self._first = {read[first:end].tobytes(): first for first, end in pairwise([0, *ends])}
        self._file = path.open("rb", buffering=0)
        weakref.finalize(self, self._file.close)
        self._begin = _begin_of(self._file, "features")

    def __getitem__(self, key: bytes) -> Array:
        tokens = len(key) // _NUMBER.itemsize
        a_token = self._size * _VALUE.itemsize
        self._file.seek(self._begin + self._first[key] * a_token)
        return np.frombuffer(self._file.read(tokens * a_token), _VALUE).reshape(tokens, self._size)

    def __contains__(self, key: object) -> bool:
        return key in self._first

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)


def _begin_of(file: io.FileIO, name: str) -> int:
    """At which byte of a safetensors file the values of a tensor begin."""
    header_size = int.from_bytes(file.read(8), "little")
    offsets: list[int] = json.loads(file.read(header_size))[name]["data_offsets"]
    return 8 + header_size + offsets[0]
