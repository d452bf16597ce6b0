"""exp, sigmoid and tanh for compiled loops, written so that the compiler vectorises them.

The mathematics library's exp is called for one number at a time; this one is five to ten times faster. Relative errors
of exp and tanh are below 3e-7 in float32 and 1e-15 in float64, absolute errors of sigmoid below 2e-7 and 1e-15. NaN
stays NaN.

exp(x) = 2^n exp(r) with n the nearest integer to x / ln 2 and |r| <= ln(2) / 2; exp(r) - 1 is a Taylor polynomial.
n is read from the lowest bits of the sum of x / ln 2 and 1.5 * 2^(bits of the significand), where the step between
neighbouring numbers is 1, and is shifted into the exponent of 2^n.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from metalstm.kernels.compilation import CONTRACT, compiled

_OPTIONS: Any = {"fastmath": set(CONTRACT)}


def power_and_rest(x: Any) -> tuple[Any, Any]:
    """2^n and exp(r) - 1, so that exp(x) = 2^n * (1 + rest); |x| below 87 in float32, 700 in float64."""
    raise NotImplementedError("only for compiled code")


def _float32(x: Any) -> Any:
    shifted = np.float32(x * np.float32(1.4426950408889634) + np.float32(12582912.0))
    n = shifted - np.float32(12582912.0)
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)  # ln 2 in two parts, the first one short
    p = r * np.float32(1 / 5040) + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(1 / 2)
    p = p * r + np.float32(1)
    exponent = (np.float32(shifted).view(np.int32) + np.int32(127)) << np.int32(23)
    return np.int32(exponent).view(np.float32), p * r


def _float64(x: Any) -> Any:
    shifted = np.float64(x * 1.4426950408889634 + 6755399441055744.0)
    n = shifted - 6755399441055744.0
    r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10
    p = r * (1 / 6227020800) + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 1 / 2
    p = p * r + 1.0
    exponent = (np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)
    return np.int64(exponent).view(np.float64), p * r


@overload(power_and_rest, jit_options=_OPTIONS)
def _power_and_rest(x: Any) -> Any:
    return {types.float32: _float32, types.float64: _float64}[x]


def clamped(x: Any, bound: float) -> Any:
    """x between -bound and bound, NaN left alone, in x's own type."""
    raise NotImplementedError("only for compiled code")


@overload(clamped, jit_options=_OPTIONS)
def _clamped(x: Any, bound: Any) -> Any:
    number = {types.float32: np.float32, types.float64: np.float64}[x]

    def clamp(x: Any, bound: Any) -> Any:
        low, high = number(-bound), number(bound)
        x = low if x < low else x
        return high if x > high else x

    return clamp


@compiled
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) of one number."""
    power, rest = power_and_rest(clamped(-x, 80.0))
    return 1 / (1 + (power + power * rest))


@compiled
def tanh(x: Any) -> Any:
    """(exp(2x) - 1) / (exp(2x) + 1) of one number; exact to the last digits near zero too."""
    power, rest = power_and_rest(clamped(x + x, 40.0))
    exp_minus_1 = power * rest + (power - 1)
    return exp_minus_1 / (exp_minus_1 + 2)


@compiled
def sigmoid_in_place(x: Any) -> None:
    """x = sigmoid(x) for an array of one dimension."""
    for j in range(len(x)):
        x[j] = sigmoid(x[j])


@compiled
def tanh_in_place(x: Any) -> None:
    """x = tanh(x) for an array of one dimension."""
    for j in range(len(x)):
        x[j] = tanh(x[j])
