"""The way from tensors to `metalstm.kernels`, and back to plain PyTorch where a kernel cannot serve."""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Array = np.ndarray[Any, Any]

Pullback = Callable[[Array], Sequence[Any]]
"""From the gradient of a result to those of what it was made from: arrays, or sparse tensors, or None."""

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


def array(tensor: Tensor) -> Array:
    """The numbers of a tensor on the CPU, row after row; where they stand so already, the very same."""
    found: Array = tensor.detach().contiguous().numpy()
    return found


def differentiable(result: Array, pullback: Pullback, *tensors: Tensor) -> Tensor:
    """What kernels have made from `tensors`, as a tensor whose gradient goes to each of these by `pullback`."""
    return cast(Callable[..., Tensor], _Made.apply)(result, pullback, *tensors)


class _Made(torch.autograd.Function):
    """A result that is there already, and the way back from it."""

    @staticmethod
    def forward(ctx: Any, result: Array, pullback: Pullback, *tensors: Tensor) -> Tensor:
        ctx.pullback = pullback
        ctx.save_for_backward(*tensors)
        return torch.from_numpy(result)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        # The pullback reads the same memory: torch refuses here if it was written to in the meantime.
        ctx.saved_tensors  # noqa: B018
        found = ctx.pullback(array(gradient))
        return None, None, *(torch.from_numpy(d) if isinstance(d, np.ndarray) else d for d in found)
