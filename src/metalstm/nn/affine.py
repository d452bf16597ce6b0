"""The layer from an encoder's states to emission scores."""

from types import ModuleType

import torch
from torch import Tensor, nn

from metalstm.nn.compiled import Array, Pullback, array, differentiable, kernels
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
        if self.kernels == "off" or not of_one_type or kernels(kernel, x) is None:
            return super().forward(x)
        rows = x.flatten(0, -2)
        y = differentiable(*affine(array(rows), self), rows, self.weight, self.bias)
        return y.view(*x.shape[:-1], self.out_features)


def affine(x: Array, layer: Affine) -> tuple[Array, Pullback]:
    """`layer` of `x [tokens, inputs]` by the kernel, and the way back to x, weight and bias."""
    compiled, weight = kernel(), array(layer.weight)
    return compiled.forward(x, weight, array(layer.bias)), lambda d: compiled.backward(d, x, weight)
