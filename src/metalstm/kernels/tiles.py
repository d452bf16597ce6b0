"""The innermost part of a matrix product, written in LLVM's own instructions.

Each row of a block of the result is one vector, which LLVM divides into the machine's registers.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from metalstm.kernels import lanes

WIDEST = 256 if lanes.WIDE else 64
"""Bytes of a row for which four rows of sums, and with AVX-512 five, still find room in the registers."""


def _add_tile(
    typing: Any, a: Any, i: Any, b: Any, j: Any, out: Any, start: Any, rows: Any, columns: Any, used: Any
) -> Any:
    number = a.dtype
    align, height, width = number.bitwidth // 8, rows.literal_value, columns.literal_value
    is_whole, is_added = isinstance(used, types.IntegerLiteral), isinstance(start, types.NoneType)
    if not is_added and (start.ndim, start.layout, start.dtype) != (1, "C", number):
        raise TypingError(f"a product of {number} begins with a row of such numbers without gaps, not with {start}")

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        scalar = context.get_value_type(number)
        vector = ir.VectorType(scalar, width)
        mask = None if is_whole else lanes.first_lanes(builder, arguments[-1], width)
        of_a, of_b, of_out = (
            lanes.array(context, builder, signature.args[place], arguments[place]) for place in (0, 2, 4)
        )

        of_start = None if is_added else lanes.array(context, builder, start, arguments[5])
        row, column = arguments[1], arguments[3]
        rows_of_a = [builder.add(row, lanes.INDEX(r)) for r in range(height)]
        targets = [lanes.place(builder, of_out, [r, column], vector) for r in rows_of_a]
        sums = lanes.variables(builder, vector, height)
        for target, total in zip(targets, sums, strict=True):
            begin = target if is_added else lanes.place(builder, of_start, [column], vector)
            builder.store(lanes.load(builder, begin, vector, align, mask), total)
        with cgutils.for_range(builder, lanes.size(builder, of_b, 0)) as loop:
            place_in_b = lanes.place(builder, of_b, [loop.index, column], vector)
            row_of_b = lanes.load(builder, place_in_b, vector, align, mask)
            for r, total in zip(rows_of_a, sums, strict=True):
                factor = builder.load(lanes.place(builder, of_a, [r, loop.index], scalar))
                lanes.add(builder, total, lanes.in_every_lane(builder, factor, vector), row_of_b)
        for target, total in zip(targets, sums, strict=True):
            lanes.store(builder, builder.load(total), target, align, mask)
        return context.get_dummy_value()

    return types.void(a, i, b, j, out, start, rows, columns, used), emit


add_tile: Any = intrinsic(prefer_literal=True)(_add_tile)
"""add_tile(a, i, b, j, out, start, rows, columns, used), for compiled code, rows and columns being literals:

out[i : i + rows, j : j + columns] += a[i : i + rows] b[:, j : j + columns], or where `start` is an array of as many
numbers as out has columns, its numbers of these columns plus that. All three have two dimensions. The last one of b and
out has no gaps; a may be any view. A literal `used` is `columns`. Of one that is none, the first `used` of the
columns are meant: the others, which may lie behind the end of b and out, are neither read nor written.
"""
