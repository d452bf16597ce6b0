"""Values set to zero at random in training."""

from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from metalstm.nn.compiled import kernels
from metalstm.nn.options import Kernels


def kernel() -> ModuleType:
    """`metalstm.kernels.dropout`, imported when it is first used."""
    from metalstm.kernels import dropout

    return dropout


class Dropout(nn.Module):
    """Set a share of features `[batch, time, size]` to zero in training and scale the others up.

    A new mask for each token (Srivastava 2014), or if `variational` one for a whole sentence (Gal and Ghahramani
    2016). The masks follow from torch's default generator, which `torch.manual_seed` sets; the kernel draws others from
    it than torch would.
    """

    def __init__(self, rate: float, *, variational: bool, kernels: Kernels = "auto") -> None:
        """`rate` is the share of values set to zero."""
        super().__init__()
        self.rate = rate
        self.variational = variational
        self.kernels = kernels

    def forward(self, features: Tensor) -> Tensor:
        """The features, as they are outside training."""
        if not self.training or self.rate == 0.0:
            return features
        compiled = kernels(kernel, features) if self.kernels == "auto" else None
        if compiled is not None:
            result: Tensor = _Dropout.apply(features, compiled, self.rate, self.variational)  # type: ignore[no-untyped-call]
            return result
        if not self.variational:
            return functional.dropout(features, self.rate)
        return features * functional.dropout(features.new_ones(features.shape[0], 1, features.shape[2]), self.rate)


class _Dropout(torch.autograd.Function):
    """Its derivative is the same dropout, with the same seed, of the gradient."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, compiled: ModuleType, rate: float, variational: bool) -> Tensor:
        ctx.dropped = partial(
            compiled.dropout, seed=int(torch.randint(2**63 - 1, ())), rate=rate, variational=variational
        )
        return torch.from_numpy(ctx.dropped(features.detach().contiguous().numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        return torch.from_numpy(ctx.dropped(gradient.contiguous().numpy())), None, None, None
