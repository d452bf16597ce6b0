"""Matrix products, above all the small ones inside compiled loops.

One step of a recurrent network multiplies a few rows with a weight that stays in the processor's cache. General
libraries first copy the weight into a layout of their own, which takes as long as the product; here it is read as it
stands. The large products before and after a loop are the caller's choice: see `Multiply`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

from metalstm.kernels.compilation import compiled
from metalstm.kernels.tiles import WIDEST, add_tile

DEEPEST = 112
"""Rows of b that are multiplied with all rows of a before the next ones: 36 KB of 256 bytes each."""

Array = np.ndarray[Any, Any]

Multiply = Callable[[Array, Array], Array]
"""a b^T for `a [n, inner]` and `b [m, inner]` or transposes of such: the large products before and after a loop."""


def by_numpy(a: Array, b: Array) -> Array:
    """`Multiply` by numpy."""
    return a @ b.T


def transposed(weight: Array) -> Array:
    """The last two dimensions exchanged, and laid out for `product`."""
    return np.ascontiguousarray(np.swapaxes(weight, -1, -2))


def _columns(a: Any, b: Any, j: Any, out: Any, rows: Any, width: Any) -> Any:
    """`product` for columns of out from j on, as long as `width` bytes of them are left; how far it came."""
    raise NotImplementedError("only for compiled code")


@overload(_columns, prefer_literal=True)
def _columns_compiled(a: Any, b: Any, j: Any, out: Any, rows: Any, width: Any) -> Any:
    # for `add_tile` these have to be known when it is compiled
    height, columns = rows.literal_value, max(1, width.literal_value * 8 // b.dtype.bitwidth)

    def add(a: Any, b: Any, j: Any, out: Any, rows: Any, width: Any) -> Any:
        n, m = a.shape[0], b.shape[1]
        while j + columns <= m:
            i = 0
            while i + height <= n:
                add_tile(a, i, b, j, out, height, columns)
                i += height
            while i + 2 <= n:
                add_tile(a, i, b, j, out, 2, columns)
                i += 2
            if i < n:
                add_tile(a, i, b, j, out, 1, columns)
            j += columns
        return j

    return add


@compiled
def product(a: Any, b: Any, out: Any) -> None:
    """out += a b for `a [n, inner]`, `b [inner, m]` and the first n rows and m columns of `out`.

    The last dimension of b and of out has no gaps; a may be any view, such as a transpose.
    """
    inner = a.shape[1]
    if inner <= DEEPEST:  # to slice an array takes as long as a product of a few rows
        _add(a, b, out)
        return
    parts = (inner + DEEPEST - 1) // DEEPEST
    for part in range(parts):
        some = slice(inner * part // parts, inner * (part + 1) // parts)
        _add(a[:, some], b[some], out)


@compiled
def _add(a: Any, b: Any, out: Any) -> None:
    """`product` for as many rows of b as stay in the nearest cache."""
    j = 0
    if WIDEST >= 256:
        j = _columns(a, b, j, out, 4, 256)
        j = _columns(a, b, j, out, 4, 128)
    j = _columns(a, b, j, out, 4, 64)
    j = _columns(a, b, j, out, 8, 32)
    j = _columns(a, b, j, out, 8, 16)
    _columns(a, b, j, out, 8, 1)


def by_tiles(a: Array, b: Array) -> Array:
    """`Multiply` by `product`."""
    out = np.zeros((len(a), len(b)), a.dtype)
    product(a, transposed(b), out)
    return out
