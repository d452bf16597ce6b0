"""The layer from an encoder's states to emission scores."""

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from metalstm.nn.compiled import kernels
from metalstm.nn.options import Kernels


def kernel() -> ModuleType:
    """`metalstm.kernels.affine`, imported when it is first used."""
    from metalstm.kernels import affine

    return affine


class Affine(nn.Linear):
    """`torch.nn.Linear` with a bias, whose product a compiled kernel does where there is one."""

    def __init__(self, inputs: int, outputs: int, kernels: Kernels = "auto") -> None:
        """Weights are drawn as those of `torch.nn.Linear`, from torch's default generator."""
        super().__init__(inputs, outputs)
        self.kernels = kernels

    def forward(self, x: Tensor) -> Tensor:
        """`[..., outputs]` from `x [..., inputs]`."""
        of_one_type = x.dtype == self.weight.dtype and not torch.is_autocast_enabled(x.device.type)
        compiled = kernels(kernel, x) if self.kernels == "auto" and of_one_type else None
        if compiled is None:
            return super().forward(x)
        y: Tensor = _Affine.apply(compiled, x.flatten(0, -2), self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y.view(*x.shape[:-1], self.out_features)


class _Affine(torch.autograd.Function):
    """`kernels.affine` and its gradients."""

    @staticmethod
    def forward(ctx: Any, compiled: ModuleType, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.compiled = compiled
        return torch.from_numpy(compiled.forward(*_arrays(x, weight), bias.detach().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        found = ctx.compiled.backward(*_arrays(gradient, *ctx.saved_tensors))
        return None, *map(torch.from_numpy, found)


def _arrays(*tensors: Tensor) -> list[np.ndarray[Any, Any]]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]
