"""Vectors of lanes as Numba values, so that emitted element-wise source reads as plain expressions and is explicitly
vectorised. A kernel in such source:

    from netspec.backends.cpu.llvm.cache import kernel
    from netspec.backends.cpu.llvm.lanes import at, fma, lanes_of, maximum, store

    lanes = lanes_of("float32", 16)
    load, splat = lanes.load, lanes.splat

    @kernel
    def scale_shift_relu(row, image, scratch):
        x, y = at(row, 8) + image * at(row, 9), at(row, 10) + image * at(row, 11)
        k, t = load(at(row, 12)), load(at(row, 13))
        for i in range(at(row, 14)):
            store(y + 64 * i, maximum(load(x + 64 * i) * k + t, 0.0))
        return 0

Only what makes lanes out of nothing needs their type, and comes from `lanes_of(dtype, count)`:

    load(address)             store(address, v) is its counterpart    first(address, k)   only the first k lanes, zeros after
    splat(x)                  the number in every lane                gather(address, step)  lane i from address + i*step
    uniform(key, index, step) lane i: the uniform number of index + i*step
    pick(address, offsets)    lane i from address + offsets[i], int32 lanes of bytes; zero where the offset is negative

Everything else takes lanes of any type, and numbers beside them (`x * 0.5`, `maximum(x, 0.0)`):

    + - * / unary -  < <= > >= == !=  & | ^ ~ of masks and integers   abs(x)
    fma(x, y, z)  maximum(x, y)  minimum(x, y)  where(mask, x, y)  sqrt floor exp log log1p expm1 tanh sigmoid erf power(x, y)
    only(v, k, x)             lanes k and beyond become x         every(address, k)      each k-th element from address on
    keep(v, k)                lanes k and beyond become 0       store_first(address, v, k)   scatter(address, step, v)
    total(v)  largest(v)  smallest(v)     all lanes into one number, in a fixed order
    some(mask)                            whether it holds in any lane
    to_float64(v)  to_float32(v)          as many lanes of the other type

`maximum` and `minimum` give NaN where either is NaN, as PyTorch does. With numbers only (float32 or float64) the
functions work too, with the same bits as a lane, so one text serves loops over lanes and loops over numbers.
Nothing is reassociated and no product is fused into a sum unless `fma` says so.

For plain numbers: at(row, k) is the k-th int64 of a table row; get_f32 get_f64 get_i32 get_i64 (address), put_...(address, x);
call(address, ...) calls a C function of int64 arguments; uniform_at(key, index) is one number of `uniform`;
stir(key, part) derives a key (of a layer, of a step) from another.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types

from ....ir.functions import FUNCTIONS
from .arithmetic import I32, I64, Vec, declare, emit_largest, emit_smallest, emit_sum
from .lane_makers import lanes_of
from .lane_type import POINTER, Lanes, as_lanes, common, first_lanes, intrinsic, suffix
from .numbers import at, call, get_f32, get_f64, get_i32, get_i64, put_f32, put_f64, put_i32, put_i64, stir, uniform_at
from .vecmath import emit_power, emitters

__all__ = [
    "Lanes", "at", "call", "fma", "get_f32", "get_f64", "get_i32", "get_i64", "keep", "lanes_of",
    "largest", "only", "power", "put_f32", "put_f64", "put_i32", "put_i64", "scatter",
    "smallest",
    "some", "stir", "store", "store_first", "to_float32", "to_float64", "total", "uniform_at", "where",
]  # fmt: skip
__all__ += [f.vector for f in FUNCTIONS.values() if f.name != "abs"]

_extending: Any = extending


def _operator(symbol: Any, result: Callable[[Any], Any], emit: Callable[..., Vec]) -> None:
    """Teach Numba an operator on lanes."""

    def resolve(context: Any) -> Any:
        def binary(x: Any, y: Any) -> Any:
            if not (isinstance(x, Lanes) or isinstance(y, Lanes)):
                return None
            kind = common(x, y)
            return kind and result(kind)

        def unary(x: Any) -> Any:
            return result(x) if isinstance(x, Lanes) else None

        return unary if symbol in (operator.neg, operator.invert, abs) else binary

    _extending.type_callable(symbol)(resolve)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = common(*signature.args)
        return emit(*(as_lanes(context, builder, v, t, kind) for v, t in zip(args, signature.args))).value

    if symbol in (operator.neg, operator.invert, abs):
        _extending.lower_builtin(symbol, Lanes)(lower)
    else:
        for pair in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
            _extending.lower_builtin(symbol, *pair)(lower)


def _same(kind: Any) -> Any:
    return kind


def _mask(kind: Lanes) -> Lanes:
    return kind.with_dtype("mask")


for _symbol in (operator.add, operator.sub, operator.mul, operator.truediv, operator.and_, operator.or_, operator.xor,
                operator.neg, operator.invert):
    _operator(_symbol, _same, _symbol)
_operator(abs, _same, Vec.abs)
for _symbol, _plain in ((operator.iadd, operator.add), (operator.isub, operator.sub), (operator.imul, operator.mul),
                        (operator.itruediv, operator.truediv)):
    _operator(_symbol, _same, _plain)
for _symbol, _how in ((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="), (operator.eq, "=="),
                      (operator.ne, "!=")):
    _operator(_symbol, _mask, lambda x, y, how=_how: x.compare(how, y))


def _function(emit: Callable[..., Vec], names: str, doc: str) -> Any:
    """A function of lanes, numbers, or both."""
    scope: dict[str, Any] = {}

    def typed(kinds: tuple[Any, ...]) -> Any:
        kind = common(*kinds)
        if kind is None:
            return None

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(*(as_lanes(context, builder, v, t, kind) for v, t in zip(args, signature.args))).value

        return kind(*kinds), lower

    scope["typed"] = typed
    exec(f"def f(context, {names}):\n    return typed(({names},))\n", scope)
    scope["f"].__doc__ = doc
    return intrinsic(scope["f"])


def _with_number(emit: Callable[..., Vec], symmetric: bool = True) -> Callable[[Vec, Vec], Vec]:
    """Hand a constant to `emit` as a number, for which it may know something better."""

    def choose(x: Vec, y: Vec) -> Vec:
        if symmetric and isinstance(x.value, ir.Constant):
            x, y = y, x
        if isinstance(y.value, ir.Constant):
            number = y.value.constant
            return emit(x, number[0].constant if isinstance(number, list | tuple) else number)
        return emit(x, y)

    return choose


fma = _function(lambda x, y, z: x.fma(y, z), "x, y, z", "x * y + z, rounded once.")
for _f in FUNCTIONS.values():
    if _f.name != "abs":  # which is Python's own, above
        _emit = emitters()[_f.name]
        globals()[_f.vector] = (_function(_emit, "x", _f.says) if _f.arity == 1
                                else _function(_with_number(_emit, _f.symmetric), "x, y", _f.says))
power = _function(_with_number(emit_power, symmetric=False), "x, y", "x to the y, for x >= 0.")


@intrinsic
def where(context: Any, mask: Any, x: Any, y: Any) -> Any:
    """x where the mask holds, else y."""
    kind = common(x, y)
    if kind is None or (isinstance(mask, Lanes) and mask.dtype != "mask"):
        return None
    if isinstance(mask, Lanes) and not isinstance(kind, Lanes):
        return None  # a selection between two numbers: which lanes is not known

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, c = (as_lanes(context, builder, v, t, kind) for v, t in zip(args[1:], signature.args[1:]))
        return builder.select(args[0], a.value, c.value)

    return kind(mask, x, y), lower


@intrinsic
def store(context: Any, address: Any, v: Any) -> Any:
    """Write all lanes."""
    if not isinstance(v, Lanes) or v.dtype == "mask":
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], POINTER), align=v.item)
        return context.get_dummy_value()

    return types.void(types.int64, v), lower


@intrinsic
def store_first(context: Any, address: Any, v: Any, k: Any) -> Any:
    """Write only the first k lanes; memory beyond them is not touched."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        mask = first_lanes(builder, v, args[2])
        f = declare(builder, f"llvm.masked.store.{suffix(v)}.p0", ir.VoidType(), [v.llvm, POINTER, I32, mask.type])
        builder.call(f, [args[1], builder.inttoptr(args[0], POINTER), I32(v.item), mask])
        return context.get_dummy_value()

    return types.void(types.int64, v, types.int64), lower


@intrinsic
def keep(context: Any, v: Any, k: Any) -> Any:
    """The first k lanes; zeros after."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(first_lanes(builder, v, args[1]), args[0], ir.Constant(v.llvm, [0] * v.count))

    return v(v, types.int64), lower


@intrinsic
def only(context: Any, v: Any, k: Any, x: Any) -> Any:
    """The first k lanes; the number x after."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(first_lanes(builder, v, args[1]), args[0],
                              as_lanes(context, builder, args[2], signature.args[2], v).value)

    return v(v, types.int64, x), lower


@intrinsic
def scatter(context: Any, address: Any, step: Any, v: Any) -> Any:
    """Write lane i to address + i * step."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for i in range(v.count):
            place = builder.add(args[0], builder.mul(args[1], I64(i)))
            builder.store(builder.extract_element(args[2], I32(i)), builder.inttoptr(place, POINTER), align=v.item)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, v), lower


def _reduction(emit: Callable[[Vec], Any], doc: str) -> Any:
    def typed(context: Any, v: Any) -> Any:
        if not isinstance(v, Lanes):
            return None
        return v.element(v), lambda context, builder, signature, args: emit(Vec(builder, args[0]))

    typed.__doc__ = doc
    return intrinsic(typed)


total = _reduction(emit_sum, "The sum of the lanes: halves are added until one is left.")
largest = _reduction(emit_largest, "The largest lane; NaN if there is one.")
smallest = _reduction(emit_smallest, "The smallest lane; NaN if there is one.")


@intrinsic
def some(context: Any, mask: Any) -> Any:
    """Whether a mask holds in any lane."""
    if not isinstance(mask, Lanes) or mask.dtype != "mask":
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = ir.IntType(mask.count)
        return builder.icmp_unsigned("!=", builder.bitcast(args[0], bits), bits(0))

    return types.boolean(mask), lower


@intrinsic
def to_float64(context: Any, v: Any) -> Any:
    """The lanes as float64."""
    if not isinstance(v, Lanes):
        return None
    out = v.with_dtype("float64")
    change = {"float32": "fpext", "float64": "bitcast"}.get(v.dtype, "sitofp")
    return out(v), lambda context, builder, signature, args: getattr(builder, change)(args[0], out.llvm)


@intrinsic
def to_float32(context: Any, v: Any) -> Any:
    """The lanes as float32."""
    if not isinstance(v, Lanes):
        return None
    out = v.with_dtype("float32")
    change = {"float64": "fptrunc", "float32": "bitcast"}.get(v.dtype, "sitofp")
    return out(v), lambda context, builder, signature, args: getattr(builder, change)(args[0], out.llvm)
