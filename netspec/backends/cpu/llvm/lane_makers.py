"""What makes lanes out of memory and numbers: functions whose result has one type of lanes, which their arguments do not tell."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from .arithmetic import I32, I64, Vec, broadcast, declare, from_lanes
from .lane_type import POINTER, Lanes, as_lanes, first_lanes, intrinsic, literally, suffix
from .numbers import drawn


def _element(builder: Any, kind: Lanes, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, POINTER), align=kind.item, typ=kind.llvm.element)


def _counted(kind: Lanes, step: int = 1) -> Any:
    """0, step, 2 * step ... in int32 lanes."""
    return ir.Constant(ir.VectorType(I32, kind.count), [step * i for i in range(kind.count)])


def _load(kind: Lanes) -> Any:
    """All lanes from an address on."""

    def typed(context: Any, address: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(builder.inttoptr(args[0], POINTER), align=kind.item, typ=kind.llvm)

        return kind(types.int64), lower

    return intrinsic(typed)


def _first(kind: Lanes) -> Any:
    """Only the first k lanes; zeros after."""

    def typed(context: Any, address: Any, k: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            mask = first_lanes(builder, kind, args[1])
            f = declare(builder, f"llvm.masked.load.{suffix(kind)}.p0", kind.llvm, [POINTER, I32, mask.type, kind.llvm])
            none = ir.Constant(kind.llvm, [0] * kind.count)
            return builder.call(f, [builder.inttoptr(args[0], POINTER), I32(kind.item), mask, none])

        return kind(types.int64, types.int64), lower

    return intrinsic(typed)


def _splat(kind: Lanes) -> Any:
    """The number in every lane."""

    def typed(context: Any, x: Any) -> Any:
        if not isinstance(x, types.Number):
            return None
        return kind(x), lambda context, builder, signature, args: as_lanes(context, builder, args[0], x, kind).value

    return intrinsic(typed)


def _gather(kind: Lanes) -> Any:
    """Lane i from address + i * step."""

    def typed(context: Any, address: Any, step: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            places = [builder.add(args[0], builder.mul(args[1], I64(i))) for i in range(kind.count)]
            return from_lanes(builder, [_element(builder, kind, p) for p in places]).value

        return kind(types.int64, types.int64), lower

    return intrinsic(typed)


def _every(kind: Lanes) -> Any:
    """Each k-th element from an address on."""

    def typed(context: Any, address: Any, step: Any) -> Any:
        if not isinstance(step, types.IntegerLiteral):
            return None
        k = step.literal_value

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if k == 0:  # the same element for every lane
                return from_lanes(builder, [_element(builder, kind, args[0])] * kind.count).value
            span = ir.VectorType(kind.llvm.element, k * kind.count)
            wide = builder.load(builder.inttoptr(args[0], POINTER), align=kind.item, typ=span)
            return builder.shuffle_vector(wide, wide, _counted(kind, k))

        return kind(types.int64, step), lower

    return literally(typed)


def _pick(kind: Lanes) -> Any:
    """Lane i from address + offsets[i]; zero where the offset is negative."""

    def typed(context: Any, address: Any, offsets: Any) -> Any:
        if not isinstance(offsets, Lanes) or offsets.dtype != "int32":
            return None

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            none = ir.Constant(offsets.llvm, [0] * kind.count)
            beyond = builder.icmp_signed("<", args[1], none)
            wide = builder.sext(builder.select(beyond, none, args[1]), ir.VectorType(I64, kind.count))
            places = [builder.add(args[0], builder.extract_element(wide, I32(i))) for i in range(kind.count)]
            found = from_lanes(builder, [_element(builder, kind, p) for p in places]).value
            return builder.select(beyond, ir.Constant(kind.llvm, [0] * kind.count), found)

        return kind(types.int64, offsets), lower

    return intrinsic(typed)


def _uniform(kind: Lanes) -> Any:
    """Lane i: the uniform number of index + i * step."""

    def typed(context: Any, key: Any, index: Any, step: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            start = broadcast(builder, builder.trunc(args[1], I32), kind.count)
            low = Vec(builder, _counted(kind)) * broadcast(builder, builder.trunc(args[2], I32), kind.count) + start
            drawn_bits = drawn(builder, low, low.below(start), args[0], args[1]).to_float(kind.llvm.element)
            return (drawn_bits * 2.0**-24).value

        return kind(types.int64, types.int64, types.int64), lower

    return intrinsic(typed)


class LaneFunctions(NamedTuple):
    """The functions that make one type of lanes."""

    type: Lanes
    load: Any
    first: Any
    splat: Any
    gather: Any
    uniform: Any
    every: Any
    pick: Any


@cache
def lanes_of(dtype: str, count: int) -> LaneFunctions:
    """The functions that make lanes of `count` elements of "float32", "float64", "int32" or "int64"."""
    kind = Lanes(dtype, count)
    return LaneFunctions(kind, *(make(kind) for make in (_load, _first, _splat, _gather, _uniform, _every, _pick)))
