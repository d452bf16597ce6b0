"""Rows of several tables side by side: what is known of a word, at every place where it stands."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from types import ModuleType

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from metalstm.nn.compiled import Array, array, differentiable, kernels
from metalstm.nn.options import Kernels


def kernel() -> ModuleType:
    """`metalstm.kernels.lookup`, imported when it is first used."""
    from metalstm.kernels import lookup

    return lookup


def look_up(tables: Sequence[Tensor], places: Sequence[Tensor], which: Kernels = "auto") -> Tensor:
    """`[batch, time, sum of sizes]` from each table `[rows, size]`, at its own places `[batch, time]`."""
    is_plain = which == "off" or any(table.dtype != tables[0].dtype for table in tables)
    if is_plain or kernels(kernel, tables[0]) is None:
        return torch.cat([functional.embedding(at, table) for table, at in zip(tables, places, strict=True)], dim=2)
    shape, at = places[0].shape, [array(place).reshape(-1) for place in places]
    features, pullback = looked_up([array(table) for table in tables], at)
    wanted = [table.requires_grad for table in tables]
    return differentiable(features, lambda d: pullback(d, wanted), *tables).view(*shape, -1)


def looked_up(tables: Sequence[Array], places: Sequence[Array]) -> tuple[Array, Callable[..., list[Array | None]]]:
    """Rows of tables side by side, `[tokens, sum of sizes]`, at their places `[tokens]`; and the way back.

    Which takes the gradient of the columns from `first` on, and which tables one is wanted of.
    """
    compiled = kernel()
    ends = list(accumulate(table.shape[1] for table in tables))
    firsts = [end - table.shape[1] for end, table in zip(ends, tables, strict=True)]
    features = np.empty((len(places[0]), ends[-1]), tables[0].dtype)
    for table, at, first in zip(tables, places, firsts, strict=True):
        compiled.look_up(table, at, first, features)

    def back(d_features: Array, wanted: Sequence[bool], first: int = 0) -> list[Array | None]:
        found: list[Array | None] = []
        for is_wanted, table, at, begin in zip(wanted, tables, places, firsts, strict=True):
            d_table = np.zeros(table.shape, d_features.dtype) if is_wanted else None
            if d_table is not None:
                compiled.gradient(d_features, at, begin - first, d_table)
            found.append(d_table)
        return found

    return features, back
