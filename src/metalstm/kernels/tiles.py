"""The innermost part of a matrix product, written in LLVM's own instructions.

A compiler that is given the three loops of a product keeps no block of its result in registers: it either adds up the
lanes of every single sum at the end, or writes the result back at each step of the inner loop. Here each row of a block
is one vector, which LLVM divides into the machine's registers.
"""

from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDEST = 256 if get_host_cpu_features().get("avx512f", False) else 64
"""Bytes of a row for which four rows of sums, and with AVX-512 five, still find room in the registers."""

_INDEX = ir.IntType(64)
_LANE = ir.IntType(32)


def _add_tile(typing: Any, a: Any, i: Any, b: Any, j: Any, out: Any, rows: Any, columns: Any, used: Any) -> Any:
    number = a.dtype
    align, height, width = number.bitwidth // 8, rows.literal_value, columns.literal_value
    is_whole = isinstance(used, types.IntegerLiteral)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        scalar = context.get_value_type(number)
        vector = ir.VectorType(scalar, width)
        mask = None if is_whole else _first_lanes(builder, arguments[-1], width)
        of_a, of_b, of_out = (
            context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 2, 4)
        )

        def place(view: Any, row: Any, column: Any, kind: Any) -> Any:
            address = builder.ptrtoint(view.data, _INDEX)
            for axis, index in enumerate((row, column)):
                stride = builder.extract_value(view.strides, axis)
                address = builder.add(address, builder.mul(index, stride))
            return builder.inttoptr(address, kind.as_pointer())

        row, column = arguments[1], arguments[3]
        rows_of_a = [builder.add(row, _INDEX(r)) for r in range(height)]
        targets = [place(of_out, r, column, vector) for r in rows_of_a]
        with builder.goto_entry_block():
            sums = [builder.alloca(vector) for _ in targets]
        for target, total in zip(targets, sums, strict=True):
            builder.store(_load(builder, target, vector, align, mask), total)
        with cgutils.for_range(builder, builder.extract_value(of_b.shape, 0)) as loop:
            row_of_b = _load(builder, place(of_b, loop.index, column, vector), vector, align, mask)
            for r, total in zip(rows_of_a, sums, strict=True):
                factor = _in_every_lane(builder, builder.load(place(of_a, r, loop.index, scalar)), vector)
                term = builder.fmul(factor, row_of_b, flags=("contract",))
                builder.store(builder.fadd(builder.load(total), term, flags=("contract",)), total)
        for target, total in zip(targets, sums, strict=True):
            _store(builder, builder.load(total), target, align, mask)
        return context.get_dummy_value()

    return types.void(a, i, b, j, out, rows, columns, used), emit


add_tile: Any = intrinsic(prefer_literal=True)(_add_tile)
"""add_tile(a, i, b, j, out, rows, columns, used), for compiled code, rows and columns being literals:

out[i : i + rows, j : j + columns] += a[i : i + rows] b[:, j : j + columns]. All three have two dimensions. The last one
of b and out has no gaps; a may be any view. A literal `used` is `columns`. Of one that is none, the first `used` of the
columns are meant: the others, which may lie behind the end of b and out, are neither read nor written.
"""


def _load(builder: Any, place: Any, vector: Any, align: int, mask: Any) -> Any:
    """The vector there; zeros in the lanes that a mask leaves out.

    "Masked Vector Load and Store Intrinsics" in LLVM's language reference.
    """
    if mask is None:
        return builder.load(place, align=align)
    kinds = (place.type, _LANE, mask.type, vector)
    load = _masked(builder, "load", ir.FunctionType(vector, kinds), vector)
    return builder.call(load, (place, _LANE(align), mask, ir.Constant(vector, None)))


def _store(builder: Any, value: Any, place: Any, align: int, mask: Any) -> None:
    if mask is None:
        builder.store(value, place, align=align)
        return
    kinds = (value.type, place.type, _LANE, mask.type)
    store = _masked(builder, "store", ir.FunctionType(ir.VoidType(), kinds), value.type)
    builder.call(store, (value, place, _LANE(align), mask))


def _masked(builder: Any, what: str, kind: Any, vector: Any) -> Any:
    bits = 64 if vector.element == ir.DoubleType() else 32
    name = f"llvm.masked.{what}.v{vector.count}f{bits}.p0"
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]


def _first_lanes(builder: Any, used: Any, count: int) -> Any:
    """A mask of so many lanes, of which the first `used` are true."""
    lanes = ir.VectorType(_LANE, count)
    numbers = ir.Constant(lanes, list(range(count)))
    return builder.icmp_unsigned("<", numbers, _in_every_lane(builder, builder.trunc(used, _LANE), lanes))


def _in_every_lane(builder: Any, number: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))
