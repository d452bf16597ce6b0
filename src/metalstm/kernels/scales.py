"""What the hypernetwork cells do with the scales d_x, d_h and b = D z of a gate, written in LLVM's own instructions.

y = d_x * (W_x x) + d_h * (W_h h) + b. A scale is a sum over the few numbers of its z, for which a product of matrices
would write and read more than it computes: so scales stay in registers, and are made again where they are needed.

In all three functions `z [n, _]` has z_x of this gate from its column `first` on, z_h and z_b in columns `apart` and
2 * `apart` behind; arrays `[n, gates * hidden]` have no gaps between columns; and D is laid out as by `panels`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from metalstm.kernels import lanes
from metalstm.kernels.compilation import compiled
from metalstm.kernels.lanes import INDEX, REGISTER, WIDE
from metalstm.kernels.products import Array

PARTS = range(3)
"""Of x, of h, and of b."""
_ROWS = (4, 2, 1) if WIDE else (2, 1)
_SUMS = (8, 4, 1) if WIDE else (2, 1)
"""So many numbers of a z are summed up at once."""


def panels(D: Array) -> Array:
    """`D [3, gates, hidden, N_z]` as `[gates, panels, 3, N_z, lanes]`.

    A panel has as many units of the gate as fill a register, the last one zeros too.
    """
    _, gates, hidden, n_z = D.shape
    count = REGISTER // D.itemsize
    laid = np.zeros((gates, -(-hidden // count), len(PARTS), n_z, count), D.dtype)
    _lay(D, laid, False)
    return laid


def unpanelled(laid: Array, hidden: int) -> Array:
    """The way back from `panels`."""
    gates, _, parts, n_z, _ = laid.shape
    D = np.empty((parts, gates, hidden, n_z), laid.dtype)
    _lay(D, laid, True)
    return D


@compiled
def _lay(D: Any, laid: Any, back: bool) -> None:
    """Copy the numbers of D to where they stand in `laid`, or back."""
    parts, gates, hidden, n_z = D.shape
    count = laid.shape[4]
    for part in range(parts):
        for gate in range(gates):
            for unit in range(hidden):
                for k in range(n_z):
                    if back:
                        D[part, gate, unit, k] = laid[gate, unit // count, part, k, unit % count]
                    else:
                        laid[gate, unit // count, part, k, unit % count] = D[part, gate, unit, k]


class _Given:
    """The arguments of one of the functions, as what is emitted needs them."""

    def __init__(self, context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
        self.builder = builder
        number = kinds["z"].dtype
        self.scalar = context.get_value_type(number)
        self.align = number.bitwidth // 8
        self.lanes = REGISTER // self.align
        self.gate = values["gate"]
        self.columns = [builder.add(values["first"], builder.mul(values["apart"], INDEX(part))) for part in PARTS]
        self.arrays = {
            name: lanes.array(context, builder, kind, values[name])
            for name, kind in kinds.items()
            if isinstance(kind, types.Array)
        }
        self.hidden = builder.udiv(self.size("from_x", 1), self.size("D", 0))

    def size(self, name: str, axis: int) -> Any:
        return lanes.size(self.builder, self.arrays[name], axis)

    def load(self, place: Any, mask: Any = None) -> Any:
        return lanes.load(self.builder, place, place.type.pointee, self.align, mask)

    def store(self, value: Any, place: Any, mask: Any = None) -> None:
        lanes.store(self.builder, value, place, self.align, mask)

    def place(self, name: str, *indices: Any, count: int) -> Any:
        """Where so many numbers of an array stand, from this one on."""
        return lanes.place(self.builder, self.arrays[name], indices, ir.VectorType(self.scalar, count))

    def zeros(self, count: int, registers: int = 1) -> list[Any]:
        """So many sums, of which nothing is known yet."""
        vector = ir.VectorType(self.scalar, registers * self.lanes)
        totals = lanes.variables(self.builder, vector, count)
        for total in totals:
            self.builder.store(ir.Constant(vector, None), total)
        return totals

    def numbers(self, name: str, row: Any, part: int, k: Any) -> Any:
        """Where the numbers of a part of z, or of its gradient, stand from the k-th on."""
        column = self.builder.add(self.columns[part], k)
        return lanes.place(self.builder, self.arrays[name], [row, column], self.scalar)

    def spread(self, numbers: Any, offset: int, vector: Any) -> Any:
        """The number so many behind in every lane."""
        return lanes.in_every_lane(self.builder, self.builder.load(self.builder.gep(numbers, [INDEX(offset)])), vector)

    def panel(self, panel: Any, part: int, k: Any) -> Any:
        """Where the rows of D for the numbers of a part stand, from the k-th on."""
        return self.place("D", self.gate, panel, INDEX(part), k, INDEX(0), count=self.lanes)

    def unit(self, panel: Any) -> Any:
        """The column of a panel's first unit, among the units of all gates."""
        own = self.builder.mul(panel, INDEX(self.lanes))
        return self.builder.add(self.builder.mul(self.gate, self.hidden), own)

    def each_panel(self, emit: Callable[[Any, int, Any], None], registers: Sequence[int] = (1,)) -> None:
        """`emit(panel, registers, mask)` for all panels of the gate; several at once where several registers are."""

        def strip(first: Any, count: int, mask: Any) -> None:
            emit(self.builder.udiv(first, INDEX(self.lanes)), count // self.lanes, mask)

        lanes.in_strips(self.builder, self.hidden, [number * self.lanes for number in registers], strip)


def _scales(given: _Given, panel: Any, registers: int, rows: Sequence[Any], parts: int) -> list[list[Any]]:
    """The scales of so many parts for each of the rows, as variables."""
    totals = [given.zeros(len(rows), registers) for _ in range(parts)]

    def terms(k: Any, count: int) -> None:
        for part in range(parts):
            of_D = [given.panel(given.builder.add(panel, INDEX(number)), part, k) for number in range(registers)]
            of_z = [given.numbers("z", row, part, k) for row in rows]
            for offset in range(count):
                factors = [given.load(given.builder.gep(place, [INDEX(offset)])) for place in of_D]
                factor = lanes.joined(given.builder, factors)
                for numbers, total in zip(of_z, totals[part], strict=True):
                    lanes.add(given.builder, total, given.spread(numbers, offset, factor.type), factor)

    lanes.in_blocks(given.builder, given.size("D", 3), (8, 1), terms)
    return totals


def _gradients(given: _Given, row: Any, panel: Any, mask: Any) -> list[Any]:
    """The gradients of d_x, d_h and b."""

    def units(name: str) -> Any:
        return given.load(given.place(name, row, given.unit(panel), count=given.lanes), mask)

    d = units("d_y")
    return [given.builder.fmul(d, units("from_x")), given.builder.fmul(d, units("from_h")), d]


@lanes.function("z", "first", "apart", "D", "gate", "b_0", "from_x", "from_h", "y")
def rescale(context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
    """Write the gate's columns of y; b_0 `[gates * hidden]`."""
    given = _Given(context, builder, kinds, values)

    def panel(panel: Any, registers: int, mask: Any) -> None:
        unit, count = given.unit(panel), registers * given.lanes
        bias = given.load(given.place("b_0", unit, count=count), mask)

        def block(first: Any, height: int) -> None:
            rows = [builder.add(first, INDEX(number)) for number in range(height)]
            for row, d_x, d_h, b in zip(rows, *_scales(given, panel, registers, rows, 3), strict=True):
                y = builder.fadd(builder.load(b), bias)
                for scale, name in ((d_x, "from_x"), (d_h, "from_h")):
                    values = given.load(given.place(name, row, unit, count=count), mask)
                    y = lanes.fused(builder, builder.load(scale), values, y)
                given.store(y, given.place("y", row, unit, count=count), mask)

        lanes.in_blocks(builder, given.size("y", 0), _ROWS, block)

    given.each_panel(panel, (2, 1))


@lanes.function("z", "first", "apart", "D", "gate", "d_y", "from_x", "from_h", "d_from_x", "d_from_h", "d_z")
def rescale_backward(context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
    """Of `rescale`: write the gate's columns of d_from_x and d_from_h, and add to its columns of d_z, as those of z."""
    given = _Given(context, builder, kinds, values)
    given.each_panel(lambda *panel: _gradients_of_products(given, *panel), (2, 1))
    n, n_z = given.size("d_y", 0), given.size("D", 3)

    def row(row: Any, _: int) -> None:
        lanes.in_blocks(given.builder, n_z, _SUMS, lambda k, count: _gradient_of_z(given, row, k, count))

    lanes.in_blocks(given.builder, n, [1], row)


def _gradients_of_products(given: _Given, panel: Any, registers: int, mask: Any) -> None:
    """Those of W_x x and W_h h."""
    builder, unit, count = given.builder, given.unit(panel), registers * given.lanes

    def block(first: Any, height: int) -> None:
        rows = [builder.add(first, INDEX(number)) for number in range(height)]
        for row, *scales in zip(rows, *_scales(given, panel, registers, rows, 2), strict=True):
            d = given.load(given.place("d_y", row, unit, count=count), mask)
            for scale, name in zip(scales, ("d_from_x", "d_from_h"), strict=True):
                given.store(builder.fmul(builder.load(scale), d), given.place(name, row, unit, count=count), mask)

    lanes.in_blocks(builder, given.size("d_y", 0), _ROWS, block)


def _gradient_of_z(given: _Given, row: Any, k: Any, count: int) -> None:
    """That of so many numbers of each part, from the k-th on."""
    builder = given.builder
    sums = [given.zeros(count) for _ in PARTS]

    def panel(panel: Any, _: int, mask: Any) -> None:
        for part, gradient in enumerate(_gradients(given, row, panel, mask)):
            of_D = given.panel(panel, part, k)
            for offset, total in enumerate(sums[part]):
                lanes.add(builder, total, gradient, given.load(builder.gep(of_D, [INDEX(offset)])))

    given.each_panel(panel)
    for part, totals in enumerate(sums):
        found = lanes.sums_of_lanes(builder, [builder.load(total) for total in totals])
        place = builder.bitcast(given.numbers("d_z", row, part, k), found.type.as_pointer())
        given.store(builder.fadd(given.load(place), found), place)


@lanes.function("z", "first", "apart", "D", "gate", "d_y", "from_x", "from_h")
def gradient(context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
    """Add to the gate's part of the gradient of D, which is the argument D here."""
    given = _Given(context, builder, kinds, values)

    def panel(panel: Any, _: int, mask: Any) -> None:
        def some(k: Any, count: int) -> None:
            sums = [given.zeros(count) for _ in PARTS]

            def row(row: Any, _: int) -> None:
                for part, gradient in enumerate(_gradients(given, row, panel, mask)):
                    of_z = given.numbers("z", row, part, k)
                    for offset, total in enumerate(sums[part]):
                        lanes.add(builder, total, given.spread(of_z, offset, gradient.type), gradient)

            lanes.in_blocks(builder, given.size("d_y", 0), [1], row)
            for part, totals in enumerate(sums):
                of_D = given.panel(panel, part, k)
                for offset, total in enumerate(totals):
                    place = builder.gep(of_D, [INDEX(offset)])
                    given.store(builder.fadd(given.load(place), builder.load(total)), place)

        lanes.in_blocks(builder, given.size("D", 3), _SUMS, some)

    given.each_panel(panel)
