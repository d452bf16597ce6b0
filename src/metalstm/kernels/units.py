"""Formulas over the units of a layer, applied to all rows of a step with every value in a register.

A compiler takes 64 numbers of a loop at once and what is left behind them one by one: of a hundred units, a third of
the time. Here what is left is one more register, of which a mask leaves lanes out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core.errors import TypingError

from metalstm.kernels import lanes
from metalstm.kernels.elementwise import Number
from metalstm.kernels.lanes import INDEX, REGISTER


class Rows:
    """The arrays that formulas are over, and their common number of rows; while instructions are written."""

    def __init__(self, context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
        """Of the arguments that `lanes.function` gives."""
        self.builder = builder
        self.arrays = {name: lanes.array(context, builder, kind, values[name]) for name, kind in kinds.items()}
        self.dimensions = {name: kind.ndim for name, kind in kinds.items()}
        number = next(iter(kinds.values())).dtype
        self.scalar = context.get_value_type(number)
        self.align = number.bitwidth // 8

    def size(self, name: str, axis: int) -> Any:
        """How long an array is in this dimension."""
        return lanes.size(self.builder, self.arrays[name], axis)

    def number(self, integer: Any, count: int) -> Number:
        """An integer as a number of the arrays' type, in a vector of so many."""
        number = self.builder.uitofp(integer, self.scalar)
        return Number(self.builder, lanes.in_every_lane(self.builder, number, ir.VectorType(self.scalar, count)))

    def load(self, count: int, name: str, *indices: Any) -> Number:
        """So many numbers side by side, from this one on."""
        vector = ir.VectorType(self.scalar, count)
        place = self._place(name, indices, vector)
        return Number(self.builder, lanes.load(self.builder, place, vector, self.align, None))

    def store(self, value: Number, name: str, *indices: Any) -> None:
        """Write the numbers of a vector, from this one on."""
        lanes.store(self.builder, value.value, self._place(name, indices, value.value.type), self.align, None)

    def sums(self, count: int) -> "Sums":
        """Sums over units, zero so far."""
        return Sums(self.builder, ir.VectorType(self.scalar, 2 * REGISTER // self.align), count)

    def each(self, count: Any, emit: Callable[[Any, int], None], sizes: Sequence[int] = (1,)) -> None:
        """`emit(first, size)` for so many rows, or parts of a row, several of them at once where `sizes` says so."""
        lanes.in_blocks(self.builder, count, sizes, emit)

    def each_unit(self, row: Any, units: Any, emit: Callable[["Units"], None]) -> None:
        """`emit` for all units of a row, two registers of them at once and then what is left."""
        count = REGISTER // self.align

        def strip(first: Any, lanes_of_strip: int, mask: Any) -> None:
            emit(Units(self, row, units, first, ir.VectorType(self.scalar, lanes_of_strip), mask))

        lanes.in_strips(self.builder, units, (2 * count, count), strip)

    def _place(self, name: str, indices: Sequence[Any], vector: Any) -> Any:
        return lanes.place(self.builder, self.arrays[name], indices, vector)


class Sums:
    """Some sums over units, a power of two, taken lane by lane until their values are asked for."""

    def __init__(self, builder: Any, vector: Any, count: int) -> None:
        """So many sums, each in the lanes of a `vector`."""
        self._builder = builder
        self._vector = vector
        self._totals = lanes.variables(builder, vector, count)
        for total in self._totals:
            builder.store(ir.Constant(vector, None), total)

    def add(self, place: int, units: Number) -> None:
        """The units of one strip more."""
        value = units.value
        if value.type.count < self._vector.count:
            value = lanes.joined(self._builder, [value, ir.Constant(value.type, None)])
        total = Number(self._builder, self._builder.load(self._totals[place])) + Number(self._builder, value)
        self._builder.store(total.value, self._totals[place])

    def values(self) -> Number:
        """The sums, one beside the other in a vector."""
        return Number(self._builder, lanes.sums_of_lanes(self._builder, list(map(self._builder.load, self._totals))))


@dataclass(frozen=True, slots=True)
class Units:
    """Neighbouring units of a row: what `load` gives and `store` takes are their numbers."""

    _rows: Rows
    _row: Any
    _units: Any
    """Of a gate."""
    _first: Any
    _vector: Any
    _mask: Any

    def load(self, name: str, gate: Any = 0) -> Number:
        """Of an array `[rows, gates * units]` the units of this gate, or of one `[gates * units]`; zeros if masked."""
        builder = self._rows.builder
        return Number(builder, lanes.load(builder, self._place(name, gate), self._vector, self._rows.align, self._mask))

    def store(self, value: Number, name: str, gate: Any = 0) -> None:
        """Write the units of this gate."""
        lanes.store(self._rows.builder, value.value, self._place(name, gate), self._rows.align, self._mask)

    def alone(self, value: Number) -> Number:
        """The value, and zero in the lanes that are left out."""
        if self._mask is None:
            return value
        return Number(value.builder, value.builder.select(self._mask, value.value, value.of(0.0).value))

    def every(self, numbers: Number, place: int) -> Number:
        """One of the numbers of a vector in every lane."""
        number = numbers.builder.extract_element(numbers.value, INDEX(place))
        return Number(numbers.builder, lanes.in_every_lane(numbers.builder, number, self._vector))

    def _place(self, name: str, gate: Any) -> Any:
        builder = self._rows.builder
        behind = builder.mul(INDEX(gate) if isinstance(gate, int) else gate, self._units)
        column = builder.add(behind, self._first)
        indices = [self._row, column] if self._rows.dimensions[name] == 2 else [column]
        return lanes.place(builder, self._rows.arrays[name], indices, self._vector)


def over_rows(*names: str) -> Callable[[Callable[[Rows], None]], Any]:
    """What is written for `Rows` as a function for compiled code, whose arguments are arrays of these names.

    Numbers are of the type of the first one's; last dimensions have no gaps.
    """

    def made(emit: Callable[[Rows], None]) -> Any:
        def write(context: Any, builder: Any, kinds: dict[str, Any], values: dict[str, Any]) -> None:
            if len({kind.dtype for kind in kinds.values()}) > 1:
                raise TypingError(f"arrays of one type of numbers are expected, not {kinds}")
            emit(Rows(context, builder, kinds, values))

        write.__name__ = emit.__name__
        return lanes.function(*names)(write)

    return made


def over_units(*names: str) -> Callable[[Callable[[Units], None]], Any]:
    """The same for a formula over the units of each row; the first array is `[rows, units]`."""

    def made(formula: Callable[[Units], None]) -> Any:
        def emit(rows: Rows) -> None:
            units = rows.size(names[0], 1)
            rows.each(rows.size(names[0], 0), lambda row, _: rows.each_unit(row, units, formula))

        emit.__name__ = formula.__name__
        return over_rows(*names)(emit)

    return made
