"""The names of a list in a file: safetensors (https://huggingface.co/docs/safetensors) with `keys [names]`, uint64."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from metalstm.errors import UserError
from metalstm.files import atomic
from metalstm.gazetteers.matching import Array


def write(path: Path, keys: Array) -> None:
    """Write what `matching.keys` made of a list, atomically."""
    with atomic(path, SafetensorError) as temporary:
        save_file({"keys": keys.astype(np.uint64)}, temporary)


def read(path: Path) -> Array:
    """Read what `write` wrote; UserError for another file or a damaged one."""
    try:
        keys: Array = load_file(path)["keys"]
        if keys.dtype != np.uint64 or keys.ndim != 1:
            raise ValueError(f"`keys` are {keys.dtype} {list(keys.shape)}")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such list of names; the stage `gazetteer` makes it") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not a list of names ({error}); remove it, and it is made anew") from None
    return keys
