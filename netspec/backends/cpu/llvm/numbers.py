"""Functions of plain numbers in emitted source: reads and writes of memory, calls of C functions, random numbers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .arithmetic import F32, I1, I32, I64, Vec
from .lane_type import ELEMENTS, POINTER, intrinsic
from .vecmath import emit_uniform

_untyped: Any = types


def drawn(builder: Any, low: Vec, carry: Vec, key: Any, index: Any) -> Vec:
    """24 random bits of a key and a place, whose low word is `low` (and one more above it where `carry` holds)."""
    key_high, index_high = (builder.trunc(builder.lshr(x, I64(32)), I32) for x in (key, index))
    return emit_uniform(low, carry, builder.trunc(key, I32), key_high, index_high)


@intrinsic
def uniform_at(context: Any, key: Any, index: Any) -> Any:
    """The uniform number in [0, 1) of one index."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        low = Vec(builder, builder.trunc(args[1], I32))
        return (drawn(builder, low, Vec(builder, I1(0)), *args).to_float(F32) * 2.0**-24).value

    return types.float32(types.int64, types.int64), lower


@intrinsic
def stir(context: Any, key: Any, part: Any) -> Any:
    """The key with one more part; the same as `netspec.ir.randomness.stir`."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x = Vec(builder, args[0]) + Vec(builder, args[1]) + 0x9E3779B97F4A7C15
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB
        return (x ^ (x >> 31)).value

    return types.int64(types.int64, types.int64), lower


@intrinsic
def at(context: Any, row: Any, k: Any) -> Any:
    """The k-th int64 of a table row."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.gep(builder.inttoptr(args[0], POINTER), [args[1]], source_etype=I64), align=8, typ=I64)

    return types.int64(types.int64, types.int64), lower


def _get(dtype: str) -> Any:
    kind, llvm, item = ELEMENTS[dtype]

    def get(context: Any, address: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(builder.inttoptr(args[0], POINTER), align=item, typ=llvm)

        return kind(types.int64), lower

    return intrinsic(get)


def _put(dtype: str) -> Any:
    kind, _, item = ELEMENTS[dtype]

    def put(context: Any, address: Any, x: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            builder.store(args[1], builder.inttoptr(args[0], POINTER), align=item)
            return context.get_dummy_value()

        return types.void(types.int64, kind), lower

    return intrinsic(put)


get_f32, get_f64, get_i32, get_i64 = _get("float32"), _get("float64"), _get("int32"), _get("int64")
put_f32, put_f64, put_i32, put_i64 = _put("float32"), _put("float64"), _put("int32"), _put("int64")


@intrinsic
def call(context: Any, address: Any, *args: Any) -> Any:
    """Call the C function at an address with int64 arguments; it returns int64."""
    n = len(args)

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        numbers = [context.cast(builder, builder.extract_value(values[1], i), args[i], types.int64) for i in range(n)]
        return builder.call(builder.inttoptr(values[0], ir.FunctionType(I64, [I64] * n).as_pointer()), numbers)

    return types.int64(types.int64, _untyped.StarArgTuple(args)), lower
