"""exp, sigmoid and tanh of one number, or of as many as a register holds, written in LLVM's own instructions.

The mathematics library's exp is called for one number at a time; this one is five to ten times faster. Relative errors
of exp and tanh are below 3e-7 in float32 and 1e-15 in float64, absolute errors of sigmoid below 2e-7 and 1e-15. NaN
stays NaN.

exp(x) = 2^n exp(r) with n the nearest integer to x / ln 2 and |r| <= ln(2) / 2; exp(r) - 1 is a Taylor polynomial.
n is read from the lowest bits of the sum of x / ln 2 and 1.5 * 2^(bits of the significand), where the step between
neighbouring numbers is 1, and is shifted into the exponent of 2^n.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic


def _operator(instruction: str, swapped: bool = False) -> Callable[["Number", Any], "Number"]:
    def write(this: "Number", other: Any) -> "Number":
        left, right = (this.of(other), this) if swapped else (this, this.of(other))
        write = getattr(this.builder, instruction)
        return Number(this.builder, write(left.value, right.value, flags=("contract",)))

    return write


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or one in every lane of a vector, of a formula: its operators write the instructions.

    Multiplications and additions may be fused; their order stays as it is written.
    """

    builder: Any
    value: Any
    """LLVM's."""

    __add__ = _operator("fadd")
    __radd__ = _operator("fadd", swapped=True)
    __sub__ = _operator("fsub")
    __rsub__ = _operator("fsub", swapped=True)
    __mul__ = _operator("fmul")
    __rmul__ = _operator("fmul", swapped=True)
    __truediv__ = _operator("fdiv")
    __rtruediv__ = _operator("fdiv", swapped=True)

    def of(self, value: Any) -> "Number":
        """A constant beside this number; what is a `Number` stays as it is."""
        return value if isinstance(value, Number) else Number(self.builder, _constant(self.value.type, value))

    def clamped(self, bound: float) -> "Number":
        """Between -bound and bound; NaN is left alone."""
        low, high = self.of(-bound).value, self.of(bound).value
        x = self.builder.select(self.builder.fcmp_ordered("<", self.value, low), low, self.value)
        return Number(self.builder, self.builder.select(self.builder.fcmp_ordered(">", x, high), high, x))


class _Format(NamedTuple):
    """What `power_and_rest` has to know of float32 or float64."""

    bits: int
    significand: int
    """Its bits."""
    ln_2: tuple[float, float]
    """In two parts, of which the first one is short: n times it is exact."""
    degree: int


_FLOAT = _Format(32, 23, (0.693359375, -2.12194440e-4), 7)
_DOUBLE = _Format(64, 52, (6.93147180369123816490e-01, 1.90821492927058770002e-10), 13)


def _format(kind: Any) -> _Format:
    """That of a number or of each one in a vector."""
    return _FLOAT if getattr(kind, "element", kind) == ir.FloatType() else _DOUBLE


def _constant(kind: Any, value: Any) -> Any:
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def power_and_rest(x: Number) -> tuple[Number, Number]:
    """2^n and exp(r) - 1, so that exp(x) = 2^n * (1 + rest); |x| below 87 in float32, 700 in float64."""
    kind, builder = x.value.type, x.builder
    number = _format(kind)
    integer: Any = ir.IntType(number.bits)
    integers = ir.VectorType(integer, kind.count) if isinstance(kind, ir.VectorType) else integer
    rounding = 1.5 * 2.0**number.significand
    shifted = x * 1.4426950408889634 + rounding
    n = shifted - rounding
    r = (x - n * number.ln_2[0]) - n * number.ln_2[1]
    p = x.of(1 / factorial(number.degree))
    for power in reversed(range(1, number.degree)):
        p = p * r + 1 / factorial(power)
    exponent = builder.add(
        builder.bitcast(shifted.value, integers), _constant(integers, 2 ** (number.bits - number.significand - 2) - 1)
    )
    exponent = builder.shl(exponent, _constant(integers, number.significand))
    return Number(builder, builder.bitcast(exponent, kind)), p * r


def sigmoid(x: Number) -> Number:
    """1 / (1 + exp(-x))."""
    power, rest = power_and_rest((0.0 - x).clamped(80.0))
    return 1.0 / (1.0 + (power + power * rest))


def tanh(x: Number) -> Number:
    """(exp(2x) - 1) / (exp(2x) + 1); exact to the last digits near zero too."""
    power, rest = power_and_rest((x + x).clamped(40.0))
    exp_minus_1 = power * rest + (power - 1.0)
    return exp_minus_1 / (exp_minus_1 + 2.0)


def square_root(x: Number) -> Number:
    """Of the numbers of a vector, none of them negative."""
    kind = x.value.type
    name = f"llvm.sqrt.v{kind.count}f{_format(kind).bits}"
    function = cgutils.get_or_insert_function(x.builder.module, ir.FunctionType(kind, [kind]), name)  # type: ignore[no-untyped-call]
    return Number(x.builder, x.builder.call(function, [x.value]))


def _exp(_: Any, x: Any) -> Any:
    def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        power, rest = power_and_rest(Number(builder, arguments[0]).clamped(700.0))
        return (power + power * rest).value

    return x(x), write


exp: Any = intrinsic(_exp)
"""exp(x), for compiled code: e^x of one number of 64 bits, -700 < x < 700."""
