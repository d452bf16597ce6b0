"""The features that a language model gives the sentences of a corpus, in a file.

safetensors (https://huggingface.co/docs/safetensors) with `lengths [sentences]` and, one sentence after the other,
`read [tokens]`, the number of each token's word vector or -1, both int32, and `features [tokens, size]`, float16.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from metalstm.errors import UserError
from metalstm.files import atomic

Array = np.ndarray[Any, Any]


def write(path: Path, features: Mapping[bytes, Array], size: int) -> None:
    """Write the features `[tokens, size]` of sentences, by the bytes of what is read of each, atomically."""
    read = [np.frombuffer(key, dtype=np.int32) for key in features]
    tensors = {
        "lengths": np.array([len(one) for one in read], dtype=np.int32),
        "read": np.concatenate([np.empty(0, dtype=np.int32), *read]),
        "features": np.concatenate([np.empty((0, size), dtype=np.float16), *features.values()]),
    }
    with atomic(path, SafetensorError) as temporary:
        save_file(tensors, temporary)


def read(path: Path) -> dict[bytes, Array]:
    """Read what `write` wrote; UserError for another file or a damaged one."""
    try:
        tensors = load_file(path)
        ends = np.cumsum(tensors["lengths"])
        read, features = (np.split(tensors[name], ends[:-1]) for name in ("read", "features"))
        return {key.tobytes(): values for key, values in zip(read, features, strict=True)}
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not the features of a corpus ({error}); remove it, and they are made anew") from None
