"""Matrix products, above all the small ones inside compiled loops.

One step of a recurrent network multiplies a few rows with a weight that stays in the processor's cache. General
libraries first copy the weight into a layout of their own, which takes as long as the product; here it is read as it
stands. The large products before and after a loop are the caller's choice: see `Multiply`.
"""

from typing import Any, Protocol

import numpy as np
from numba.extending import overload

from metalstm.kernels.compilation import compiled
from metalstm.kernels.tiles import WIDEST, add_tile

DEEPEST = 112
"""Rows of b that are multiplied with all rows of a before the next ones: 36 KB of 256 bytes each."""
ROWS = 256
"""So many rows of a at least are multiplied with all of b before the next ones: 256 KB of 250 numbers each."""

Array = np.ndarray[Any, Any]


class Multiply(Protocol):
    """The large products before and after a loop."""

    def __call__(self, a: Array, b: Array, bias: Array | None = None) -> Array:
        """a b^T + bias for `a [n, inner]` and `b [m, inner]` or transposes of such, and `bias [m]`."""


def by_numpy(a: Array, b: Array, bias: Array | None = None) -> Array:
    """`Multiply` by numpy."""
    product: Array = a @ b.T
    if bias is not None:
        product += bias
    return product


def transposed(weight: Array) -> Array:
    """The last two dimensions exchanged, and laid out for `product`."""
    return np.ascontiguousarray(np.swapaxes(weight, -1, -2))


def _columns(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any, used: Any) -> Any:
    """`product` for the columns of out from j on that fill `width` bytes, or the first `used` of them."""
    raise NotImplementedError("only for compiled code")


@overload(_columns, prefer_literal=True)
def _columns_compiled(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any, used: Any) -> Any:
    # for `add_tile` these have to be known when it is compiled
    height, columns = rows.literal_value, _numbers(width, b)

    def add(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any, used: Any) -> Any:
        n = a.shape[0]
        i = 0
        while i + height <= n:
            add_tile(a, i, b, j, out, start, height, columns, used)
            i += height
        while i + 2 <= n:
            add_tile(a, i, b, j, out, start, 2, columns, used)
            i += 2
        if i < n:
            add_tile(a, i, b, j, out, start, 1, columns, used)

    return add


def _all_columns(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any) -> Any:
    """`_columns` as long as `width` bytes are left from column j on; how far it came."""
    raise NotImplementedError("only for compiled code")


@overload(_all_columns, prefer_literal=True)
def _all_columns_compiled(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any) -> Any:
    columns = _numbers(width, b)

    def add(a: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, width: Any) -> Any:
        while j + columns <= b.shape[1]:
            _columns(a, b, j, out, start, rows, width, columns)
            j += columns
        return j

    return add


def _numbers(width: Any, b: Any) -> int:
    """How many numbers of b fill `width` bytes."""
    return int(width.literal_value * 8 // b.dtype.bitwidth)


@compiled
def product(a: Any, b: Any, out: Any) -> None:
    """out += a b for `a [n, inner]`, `b [inner, m]` and the first n rows and m columns of `out`.

    The last dimension of b and of out has no gaps; a may be any view, such as a transpose.
    """
    _product(a, b, out, None)


@compiled
def affine(a: Any, b: Any, bias: Any, out: Any) -> None:
    """out = a b + bias for `bias [m]`, the rest as in `product`; what stood in `out` is not read."""
    _product(a, b, out, bias)


@compiled
def _product(a: Any, b: Any, out: Any, start: Any) -> None:
    inner = a.shape[1]
    if inner <= DEEPEST:  # to slice an array takes as long as a product of a few rows
        _add(a, b, out, start)
        return
    parts = (inner + DEEPEST - 1) // DEEPEST
    first = inner // parts
    _add(a[:, :first], b[:first], out, start)
    for part in range(1, parts):
        some = slice(inner * part // parts, inner * (part + 1) // parts)
        _add(a[:, some], b[some], out, None)


@compiled
def _add(a: Any, b: Any, out: Any, start: Any) -> None:
    """`_product` for as many rows of b as stay in the nearest cache."""
    if WIDEST < 256:
        j = _all_columns(a, b, 0, out, start, 4, 64)
        if j < b.shape[1]:
            _columns(a, b, j, out, start, 4, 64, b.shape[1] - j)
        return
    j = _all_columns(a, b, 0, out, start, 5, 256)
    j = _all_columns(a, b, j, out, start, 5, 128)
    left = b.shape[1] - j
    if left * b.itemsize > 64:
        _columns(a, b, j, out, start, 5, 128, left)
    elif left > 0:
        _columns(a, b, j, out, start, 8, 64, left)


def by_tiles(a: Array, b: Array, bias: Array | None = None) -> Array:
    """`Multiply` by `affine`."""
    out = np.empty((len(a), len(b)), a.dtype)
    start = np.zeros(len(b), a.dtype) if bias is None else np.ascontiguousarray(bias, a.dtype).reshape(len(b))
    columns = transposed(b)
    # Rows of a transpose are far apart in memory; and numba would compile all of this once more for parts of one.
    parts = max(1, len(a) // ROWS) if a.flags.c_contiguous else 1
    for part in range(parts):
        some = slice(len(a) * part // parts, len(a) * (part + 1) // parts)
        affine(a[some], columns, start, out[some])
    return out
