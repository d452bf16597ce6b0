"""Values set to zero at random in training."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from metalstm.nn.compiled import Array, array, differentiable, kernels
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
        if self.kernels == "auto" and kernels(kernel, features) is not None:
            batch, time, size = features.shape
            drop = self.drop(np.arange(batch * time), time, size)
            dropped = drop(array(features).reshape(-1, size)).reshape(features.shape)
            return differentiable(dropped, lambda d: [drop(d.reshape(-1, size)).reshape(d.shape)], features)
        if not self.variational:
            return functional.dropout(features, self.rate)
        return features * functional.dropout(features.new_ones(features.shape[0], 1, features.shape[2]), self.rate)

    def drop(self, places: Array, time: int, size: int) -> Callable[..., Array]:
        """The kernel with a mask drawn anew: from `values [rows, size]` to those that are left, scaled up.

        Row r is token `places[r]` of the padded batch `[batch * time, size]`. The same mask is the way back; `first`
        is the first column of gradients that are not of all columns.
        """
        seed = int(torch.randint(2**63 - 1, ()))
        numbers = places // time if self.variational else places
        dropout = kernel().dropout
        return lambda values, first=0: dropout(values, numbers, first, size, seed, self.rate)
