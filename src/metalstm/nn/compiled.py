"""The way from tensors to `metalstm.kernels`, and back to plain PyTorch where a kernel cannot serve."""

import warnings
from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

NUMBERS = {torch.float32: np.float32, torch.float64: np.float64}
"""What there are kernels for."""


def kernels(load: Callable[[], ModuleType], like: Tensor) -> ModuleType | None:
    """The module of `metalstm.kernels` that `load` imports, ready for tensors such as `like`.

    `load` is called once a process, when a kernel is first wanted: to import numba takes a second.

    None on other devices and for other number types than the kernels are made for, and also, after one warning, where
    numba is missing or fails.
    """
    if like.device.type != "cpu" or like.dtype not in NUMBERS:
        return None
    return _ready(load, like.dtype)


@cache
def _ready(load: Callable[[], ModuleType], dtype: torch.dtype) -> ModuleType | None:
    try:
        module = load()
        module.compile(np.dtype(NUMBERS[dtype]))
    except Exception as failure:  # whatever stops numba, plain PyTorch still gives the right result
        reason = " ".join(str(failure).split())[:200]
        message = (
            f"no compiled kernel for {load.__module__}, slower PyTorch instead: {type(failure).__name__}: {reason}"
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return None
    return module
