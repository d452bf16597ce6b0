"""The way from tensors to `metalstm.kernels`, and back to plain PyTorch where a kernel cannot serve."""

import warnings
from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

NUMBERS = {torch.float32: np.float32, torch.float64: np.float64}
"""What there are kernels for."""


def kernels(name: str, like: Tensor) -> ModuleType | None:
    """The module `metalstm.kernels.<name>`, ready for tensors such as `like`.

    None on other devices and for other number types than the kernels are made for, and also, after one warning, where
    numba is missing or fails.
    """
    if like.device.type != "cpu" or like.dtype not in NUMBERS:
        return None
    return _ready(name, like.dtype)


@cache
def _ready(name: str, dtype: torch.dtype) -> ModuleType | None:
    try:
        module = import_module(f"metalstm.kernels.{name}")
        module.compile(np.dtype(NUMBERS[dtype]))
    except Exception as failure:  # whatever stops numba, plain PyTorch still gives the right result
        reason = " ".join(str(failure).split())[:200]
        message = f"no compiled kernel '{name}', slower PyTorch instead: {type(failure).__name__}: {reason}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return None
    return module
