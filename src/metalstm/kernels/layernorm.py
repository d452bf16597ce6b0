"""Layer norm over parts of a row, such as the units of each gate."""

from collections.abc import Callable, Sequence
from typing import Any

from metalstm.kernels.elementwise import Number, square_root
from metalstm.kernels.lanes import INDEX
from metalstm.kernels.units import Rows, Units, over_rows

EPSILON = 1e-5
"""torch's own, added to variances."""

_AT_ONCE = (4, 1)
"""Parts: four sums take no longer than one, whose additions wait for each other."""

_EachUnit = Callable[[Callable[[Units, int, Any], None]], None]


def _each_part(rows: Rows, emit: Callable[[Any, Any, Number, int, _EachUnit], None]) -> None:
    """`emit(row, first, size, count, each_unit)` for as many parts of a row as are normalised at once.

    `each_unit(formula)` writes `formula(units, place, part)` for each of them; size is in a vector of so many.
    """
    parts = rows.size("scale", 1)
    units = rows.builder.udiv(rows.size("normed", 1), parts)

    def some(row: Any, first: Any, count: int) -> None:
        own = [rows.builder.add(first, INDEX(place)) for place in range(count)]

        def each_unit(formula: Callable[[Units, int, Any], None]) -> None:
            rows.each_unit(row, units, lambda these: _of_all(formula, these, own))

        emit(row, first, rows.number(units, count), count, each_unit)

    rows.each(rows.size("scale", 0), lambda row, _: rows.each(parts, lambda *which: some(row, *which), _AT_ONCE))


def _of_all(formula: Callable[[Units, int, Any], None], units: Units, parts: Sequence[Any]) -> None:
    for place, part in enumerate(parts):
        formula(units, place, part)


@over_rows("y", "gain", "bias", "normed", "scale")
def layer_norm(rows: Rows) -> None:
    """y = gain * normed + bias in place, with normed = (y - mean) * scale and scale = 1 / sqrt(variance + epsilon).

    y, normed: `[n, parts * size]`. gain, bias: `[parts * size]`. scale: `[n, parts]`.
    """

    def normalise(row: Any, first: Any, size: Number, count: int, each_unit: _EachUnit) -> None:
        totals, squares = rows.sums(count), rows.sums(count)
        each_unit(lambda units, place, part: totals.add(place, units.load("y", part)))
        mean = totals.values() / size

        def distance(units: Units, place: int, part: Any) -> None:
            d = units.alone(units.load("y", part) - units.every(mean, place))
            squares.add(place, d * d)

        each_unit(distance)
        scale = 1.0 / square_root(squares.values() / size + EPSILON)
        rows.store(scale, "scale", row, first)

        def norm(units: Units, place: int, part: Any) -> None:
            normed = (units.load("y", part) - units.every(mean, place)) * units.every(scale, place)
            units.store(normed, "normed", part)
            units.store(units.load("gain", part) * normed + units.load("bias", part), "y", part)

        each_unit(norm)

    _each_part(rows, normalise)


@over_rows("d", "gain", "normed", "scale", "d_gain", "d_bias")
def layer_norm_backward(rows: Rows) -> None:
    """The backward pass of `layer_norm`: d of its result to d of y, in place; adds to d_gain and d_bias."""

    def back(row: Any, first: Any, size: Number, count: int, each_unit: _EachUnit) -> None:
        totals, products = rows.sums(count), rows.sums(count)

        def of_weights(units: Units, place: int, part: Any) -> None:
            d, normed = units.load("d", part), units.load("normed", part)
            units.store(units.load("d_gain", part) + d * normed, "d_gain", part)
            units.store(units.load("d_bias", part) + d, "d_bias", part)
            d = d * units.load("gain", part)
            totals.add(place, d)
            products.add(place, d * normed)

        each_unit(of_weights)
        mean, share, scale = totals.values() / size, products.values() / size, rows.load(count, "scale", row, first)

        def of_y(units: Units, place: int, part: Any) -> None:
            d = units.load("d", part) * units.load("gain", part) - units.every(mean, place)
            d = d - units.load("normed", part) * units.every(share, place)
            units.store(units.every(scale, place) * d, "d", part)

        each_unit(of_y)

    _each_part(rows, back)
