"""Vectors of numbers in a processor's registers, for the kernels that are written in LLVM's own instructions.

A compiler that is given the three loops of a product keeps no block of its result in registers: it either adds up the
lanes of every single sum at the end, or writes the result back at each step of the inner loop. What these functions
emit names its vectors itself. A mask leaves out the lanes behind the last column: what lies there is neither read nor
written. "Vector Operations" and "Masked Vector Load and Store Intrinsics" in LLVM's language reference.
"""

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, codegen, config
from numba.extending import intrinsic


def _is_wide() -> bool:
    """Whether there is AVX-512: by the features that numba compiles for, and knows its kept code by."""
    told = getattr(config, "CPU_FEATURES")  # noqa: B009 - set by numba while it is imported
    features: str = codegen.get_host_cpu_features() if told is None else told  # type: ignore[no-untyped-call]
    return "+avx512f" in features.split(",")


WIDE = _is_wide()
"""Whether there are 32 registers of 64 bytes, and masks for their lanes; otherwise 16 of 32 bytes are reckoned with."""
REGISTER = 64 if WIDE else 32
"""Bytes of one register."""

INDEX = ir.IntType(64)
_LANE = ir.IntType(32)


def function(*names: str) -> Callable[[Callable[[Any, Any, dict[str, Any], dict[str, Any]], None]], Any]:
    """What `emit(context, builder, kinds, values)` writes, as a function for compiled code without a result.

    Its arguments have these names; numba's types and the values of arguments are given by name.
    """

    def made(emit: Callable[[Any, Any, dict[str, Any], dict[str, Any]], None]) -> Any:
        def typed(_: Any, *kinds: Any) -> Any:
            def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                emit(context, builder, *(dict(zip(names, of, strict=True)) for of in (signature.args, arguments)))
                return context.get_dummy_value()

            return types.void(*kinds), write

        # numba takes the number of arguments and their names from here
        parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("context", *names)]
        typed.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        typed.__name__ = emit.__name__
        return intrinsic(typed)

    return made


def array(context: Any, builder: Any, kind: Any, argument: Any) -> Any:
    """An argument of this array type, whose data and strides can be asked for."""
    return context.make_array(kind)(context, builder, argument)


def place(builder: Any, view: Any, indices: Sequence[Any], kind: Any) -> Any:
    """The address of an element, as that of a `kind`."""
    address = builder.ptrtoint(view.data, INDEX)
    for axis, index in enumerate(indices):
        stride = builder.extract_value(view.strides, axis)
        address = builder.add(address, builder.mul(index, stride))
    return builder.inttoptr(address, kind.as_pointer())


def size(builder: Any, view: Any, axis: int) -> Any:
    """How long an array is in this dimension."""
    return builder.extract_value(view.shape, axis)


def load(builder: Any, place: Any, vector: Any, align: int, mask: Any) -> Any:
    """The vector there; zeros in the lanes that a mask leaves out."""
    if mask is None:
        return builder.load(place, align=align)
    kinds = (place.type, _LANE, mask.type, vector)
    masked = _masked(builder, "load", ir.FunctionType(vector, kinds), vector)
    return builder.call(masked, (place, _LANE(align), mask, ir.Constant(vector, None)))


def store(builder: Any, value: Any, place: Any, align: int, mask: Any) -> None:
    """Write the vector there, but for the lanes that a mask leaves out."""
    if mask is None:
        builder.store(value, place, align=align)
        return
    kinds = (value.type, place.type, _LANE, mask.type)
    masked = _masked(builder, "store", ir.FunctionType(ir.VoidType(), kinds), value.type)
    builder.call(masked, (value, place, _LANE(align), mask))


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c."""
    return builder.fadd(c, builder.fmul(a, b, flags=("contract",)), flags=("contract",))


def add(builder: Any, total: Any, a: Any, b: Any) -> None:
    """total += a * b, for a variable of `variables`."""
    builder.store(fused(builder, a, b, builder.load(total)), total)


def variables(builder: Any, vector: Any, count: int) -> list[Any]:
    """So many variables, for which LLVM finds registers."""
    with builder.goto_entry_block():
        return [builder.alloca(vector) for _ in range(count)]


def first_lanes(builder: Any, used: Any, count: int) -> Any:
    """A mask of so many lanes, of which the first `used` are true."""
    lanes = ir.VectorType(_LANE, count)
    numbers = ir.Constant(lanes, list(range(count)))
    return builder.icmp_unsigned("<", numbers, in_every_lane(builder, builder.trunc(used, _LANE), lanes))


def in_every_lane(builder: Any, number: Any, vector: Any) -> Any:
    """A vector of one number."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def sums_of_lanes(builder: Any, vectors: Sequence[Any]) -> Any:
    """The sums of the numbers of each of some vectors, one beside the other; all counts are powers of two.

    Two vectors become one that has the sums of the halves of both, and so on: a fraction of the steps that one sum
    after the other takes.
    """
    groups, lanes_of_group = 1, vectors[0].type.count
    while lanes_of_group > 1:
        half = lanes_of_group // 2
        pairs = list(zip(vectors[::2], vectors[1::2], strict=True)) if len(vectors) > 1 else [(vectors[0], None)]
        groups *= 1 if len(vectors) == 1 else 2
        starts = [group * lanes_of_group for group in range(groups)]
        vectors = [
            builder.fadd(*(_picked(builder, a, b, starts, offset, half) for offset in (0, half))) for a, b in pairs
        ]
        lanes_of_group = half
    return vectors[0]


def joined(builder: Any, vectors: Sequence[Any]) -> Any:
    """One vector after the other: one, or two of a kind."""
    if len(vectors) == 1:
        return vectors[0]
    first, second = vectors
    return _picked(builder, first, second, [0], 0, 2 * first.type.count)


def _picked(builder: Any, a: Any, b: Any, starts: Sequence[int], offset: int, count: int) -> Any:
    """So many lanes of a, and behind them of b, from each start on."""
    picks = [start + offset + lane for start in starts for lane in range(count)]
    second = ir.Constant(a.type, ir.Undefined) if b is None else b
    return builder.shuffle_vector(a, second, ir.Constant(ir.VectorType(_LANE, len(picks)), picks))


def in_blocks(builder: Any, count: Any, sizes: Sequence[int], emit: Callable[[Any, int], None]) -> None:
    """`emit(first, size)` for blocks of `range(count)`: as many of the first size as there are, then of the next one.

    The last of `sizes` is 1.
    """
    done: Any = INDEX(0)
    for block in sizes:
        blocks = builder.udiv(builder.sub(count, done), INDEX(block))
        with cgutils.for_range(builder, blocks) as loop:
            emit(builder.add(done, builder.mul(loop.index, INDEX(block))), block)
        done = builder.add(done, builder.mul(blocks, INDEX(block)))


def in_strips(builder: Any, columns: Any, widths: Sequence[int], emit: Callable[[Any, int, Any], None]) -> None:
    """`emit(first, lanes, mask)` for strips of columns, as many of the first width as are whole, without a mask.

    If columns are left, one masked strip follows, of the narrowest width that has room for them; widths are
    descending.
    """
    whole = builder.udiv(columns, INDEX(widths[0]))
    with cgutils.for_range(builder, whole) as loop:
        emit(builder.mul(loop.index, INDEX(widths[0])), widths[0], None)
    first = builder.mul(whole, INDEX(widths[0]))
    left = builder.sub(columns, first)
    for lanes, narrower in zip(widths, (*widths[1:], 0), strict=True):
        fits = builder.icmp_unsigned("<=", left, INDEX(lanes))
        with builder.if_then(builder.and_(fits, builder.icmp_unsigned(">", left, INDEX(narrower)))):
            emit(first, lanes, first_lanes(builder, left, lanes))


def _bits(vector: Any) -> int:
    return 64 if vector.element == ir.DoubleType() else 32


def _masked(builder: Any, what: str, kind: Any, vector: Any) -> Any:
    name = f"llvm.masked.{what}.v{vector.count}f{_bits(vector)}.p0"
    return cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
