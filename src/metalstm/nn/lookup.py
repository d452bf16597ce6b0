"""Rows of several tables side by side: what is known of a word, at every place where it stands."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from metalstm.nn.compiled import kernels
from metalstm.nn.options import Kernels


def kernel() -> ModuleType:
    """`metalstm.kernels.lookup`, imported when it is first used."""
    from metalstm.kernels import lookup

    return lookup


def look_up(tables: Sequence[Tensor], places: Sequence[Tensor], which: Kernels = "auto") -> Tensor:
    """`[batch, time, sum of sizes]` from each table `[rows, size]`, at its own places `[batch, time]`."""
    compiled = kernels(kernel, tables[0]) if which == "auto" else None
    if compiled is None or any(table.dtype != tables[0].dtype for table in tables):
        return torch.cat([functional.embedding(at, table) for table, at in zip(tables, places, strict=True)], dim=2)
    features: Tensor = _LookUp.apply(compiled, places, *tables)  # type: ignore[no-untyped-call]
    return features


class _LookUp(torch.autograd.Function):
    """`kernels.lookup`, table by table."""

    @staticmethod
    def forward(ctx: Any, compiled: ModuleType, places: Sequence[Tensor], *tables: Tensor) -> Tensor:
        shape, sizes = places[0].shape, [table.shape[1] for table in tables]
        ctx.compiled, ctx.shapes = compiled, [table.shape for table in tables]
        ctx.places = [at.flatten().numpy() for at in places]
        ctx.firsts = [sum(sizes[:number]) for number in range(len(sizes))]
        arrays = [table.detach().contiguous().numpy() for table in tables]
        features = np.empty((shape.numel(), sum(sizes)), arrays[0].dtype)
        for array, at, first in zip(arrays, ctx.places, ctx.firsts, strict=True):
            compiled.look_up(array, at, first, features)
        return torch.from_numpy(features).view(*shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        d_features = gradient.contiguous().flatten(0, 1).numpy()
        found: list[Tensor | None] = []
        for wanted, shape, at, first in zip(ctx.needs_input_grad[2:], ctx.shapes, ctx.places, ctx.firsts, strict=True):
            d_table = np.zeros(shape, d_features.dtype) if wanted else None
            if d_table is not None:
                ctx.compiled.gradient(d_features, at, first, d_table)
            found.append(None if d_table is None else torch.from_numpy(d_table))
        return None, None, *found
