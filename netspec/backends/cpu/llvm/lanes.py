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
from functools import cache as remember
from typing import Any, NamedTuple

from llvmlite import ir
from numba import extending, types

from ....ir.functions import FUNCTIONS
from .vecmath import (
    F32,
    F64,
    I1,
    I32,
    I64,
    Vec,
    broadcast,
    declare,
    emit_largest,
    emit_power,
    emit_smallest,
    emit_sum,
    emit_uniform,
    emitters,
    from_lanes,
)

__all__ = [
    "Lanes", "at", "call", "fma", "get_f32", "get_f64", "get_i32", "get_i64", "keep", "lanes_of",
    "largest", "only", "power", "put_f32", "put_f64", "put_i32", "put_i64", "scatter",
    "smallest",
    "some", "stir", "store", "store_first", "to_float32", "to_float64", "total", "uniform_at", "where",
]  # fmt: skip
__all__ += [f.vector for f in FUNCTIONS.values() if f.name != "abs"]

_ELEMENTS: dict[str, tuple[Any, Any, int]] = {
    "float32": (types.float32, F32, 4),
    "float64": (types.float64, F64, 8),
    "int32": (types.int32, I32, 4),
    "int64": (types.int64, I64, 8),
    "mask": (types.boolean, I1, 0),
}
_PTR = ir.PointerType()

# Numba's own annotations are partial, and wrong for an intrinsic, which is not called with the arguments it is made of.
intrinsic: Callable[[Callable[..., Any]], Any] = extending.intrinsic
literally: Callable[[Callable[..., Any]], Any] = extending.intrinsic(prefer_literal=True)  # constants arrive as such
_number: Any = types.Number
_extending: Any = extending
_star_tuple: Any = types.StarArgTuple


class Lanes(types.Type):
    """The type of a vector of `count` elements of `dtype`; dtype "mask" has one bit an element."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = dtype, count
        _type: Any = super()
        _type.__init__(f"{dtype}x{count}")

    @property
    def element(self) -> Any:
        return _ELEMENTS[self.dtype][0]

    @property
    def llvm(self) -> Any:
        return ir.VectorType(_ELEMENTS[self.dtype][1], self.count)

    @property
    def item(self) -> int:
        """Bytes of an element."""
        return _ELEMENTS[self.dtype][2]

    def with_dtype(self, dtype: str) -> Lanes:
        return Lanes(dtype, self.count)


_extending.register_model(Lanes)(lambda manager, kind: _extending.models.PrimitiveModel(manager, kind, kind.llvm))


# ---- how Python's operators and the functions below become instructions ---------------------------------------------------
def _common(*kinds: Any) -> Any:
    """The type in which lanes and numbers meet: that of the lanes; among numbers alone the widest float."""
    lanes = {k for k in kinds if isinstance(k, Lanes)}
    if len(lanes) == 1:
        return lanes.pop() if all(isinstance(k, Lanes | types.Number | types.Boolean) for k in kinds) else None
    if lanes or not all(isinstance(k, types.Number) for k in kinds):
        return None
    return types.float32 if all(k == types.float32 for k in kinds) else types.float64


def _as(context: Any, builder: Any, value: Any, given: Any, wanted: Any) -> Vec:
    """A lanes value as it is; a number converted and put into every lane of `wanted`."""
    if isinstance(given, Lanes):
        return Vec(builder, value)
    if not isinstance(wanted, Lanes):
        if isinstance(value, ir.Constant) and isinstance(value.constant, int | float):
            return Vec(builder, ir.Constant(context.get_value_type(wanted), float(value.constant)))
        return Vec(builder, context.cast(builder, value, given, wanted))
    if isinstance(value, ir.Constant) and isinstance(value.constant, int | float) and wanted.dtype.startswith("float"):
        return Vec(builder, ir.Constant(wanted.llvm, [float(value.constant)] * wanted.count))
    number = context.cast(builder, value, given, wanted.element)
    return broadcast(builder, number, wanted.count)


def _operator(symbol: Any, result: Callable[[Any], Any], emit: Callable[..., Vec]) -> None:
    """Teach Numba an operator on lanes."""

    def resolve(context: Any) -> Any:
        def binary(x: Any, y: Any) -> Any:
            if not (isinstance(x, Lanes) or isinstance(y, Lanes)):
                return None
            kind = _common(x, y)
            return kind and result(kind)

        def unary(x: Any) -> Any:
            return result(x) if isinstance(x, Lanes) else None

        return unary if symbol in (operator.neg, operator.invert, abs) else binary

    _extending.type_callable(symbol)(resolve)

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = _common(*signature.args)
        return emit(*(_as(context, builder, v, t, kind) for v, t in zip(args, signature.args))).value

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
        kind = _common(*kinds)
        if kind is None:
            return None

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(*(_as(context, builder, v, t, kind) for v, t in zip(args, signature.args))).value

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
    kind = _common(x, y)
    if kind is None or (isinstance(mask, Lanes) and mask.dtype != "mask"):
        return None
    if isinstance(mask, Lanes) and not isinstance(kind, Lanes):
        return None  # a selection between two numbers: which lanes is not known

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, c = (_as(context, builder, v, t, kind) for v, t in zip(args[1:], signature.args[1:]))
        return builder.select(args[0], a.value, c.value)

    return kind(mask, x, y), lower


@intrinsic
def store(context: Any, address: Any, v: Any) -> Any:
    """Write all lanes."""
    if not isinstance(v, Lanes) or v.dtype == "mask":
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], _PTR), align=v.item)
        return context.get_dummy_value()

    return types.void(types.int64, v), lower


def _first_lanes(builder: Any, v: Lanes, k: Any) -> Any:
    """The mask of the lanes below k."""
    numbers = ir.Constant(ir.VectorType(I32, v.count), list(range(v.count)))
    return builder.icmp_signed("<", numbers, broadcast(builder, builder.trunc(k, I32), v.count).value)


@intrinsic
def store_first(context: Any, address: Any, v: Any, k: Any) -> Any:
    """Write only the first k lanes; memory beyond them is not touched."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        mask = _first_lanes(builder, v, args[2])
        f = declare(builder, f"llvm.masked.store.{_suffix(v)}.p0", ir.VoidType(), [v.llvm, _PTR, I32, mask.type])
        builder.call(f, [args[1], builder.inttoptr(args[0], _PTR), I32(v.item), mask])
        return context.get_dummy_value()

    return types.void(types.int64, v, types.int64), lower


@intrinsic
def keep(context: Any, v: Any, k: Any) -> Any:
    """The first k lanes; zeros after."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(_first_lanes(builder, v, args[1]), args[0], ir.Constant(v.llvm, [0] * v.count))

    return v(v, types.int64), lower


@intrinsic
def only(context: Any, v: Any, k: Any, x: Any) -> Any:
    """The first k lanes; the number x after."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(_first_lanes(builder, v, args[1]), args[0],
                              _as(context, builder, args[2], signature.args[2], v).value)

    return v(v, types.int64, x), lower


@intrinsic
def scatter(context: Any, address: Any, step: Any, v: Any) -> Any:
    """Write lane i to address + i * step."""
    if not isinstance(v, Lanes):
        return None

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for i in range(v.count):
            place = builder.add(args[0], builder.mul(args[1], I64(i)))
            builder.store(builder.extract_element(args[2], I32(i)), builder.inttoptr(place, _PTR), align=v.item)
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


def _suffix(v: Lanes) -> str:
    return f"v{v.count}{'f' if v.dtype.startswith('float') else 'i'}{8 * v.item}"


# ---- what makes lanes ------------------------------------------------------------------------------------------------------
class LaneFunctions(NamedTuple):
    """The functions whose result has one type of lanes, which their arguments do not tell."""

    type: Lanes
    load: Any
    first: Any
    splat: Any
    gather: Any
    uniform: Any
    every: Any
    pick: Any


@remember
def lanes_of(dtype: str, count: int) -> LaneFunctions:
    """The functions that make lanes of `count` elements of "float32", "float64", "int32" or "int64"."""
    kind = Lanes(dtype, count)
    item = kind.item

    @intrinsic
    def load(context: Any, address: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load(builder.inttoptr(args[0], _PTR), align=item, typ=kind.llvm)

        return kind(types.int64), lower

    @intrinsic
    def first(context: Any, address: Any, k: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            mask = _first_lanes(builder, kind, args[1])
            f = declare(builder, f"llvm.masked.load.{_suffix(kind)}.p0", kind.llvm, [_PTR, I32, mask.type, kind.llvm])
            return builder.call(f, [builder.inttoptr(args[0], _PTR), I32(item), mask, ir.Constant(kind.llvm, [0] * count)])

        return kind(types.int64, types.int64), lower

    @intrinsic
    def splat(context: Any, x: Any) -> Any:
        if not isinstance(x, types.Number):
            return None
        return kind(x), lambda context, builder, signature, args: _as(context, builder, args[0], x, kind).value

    @intrinsic
    def gather(context: Any, address: Any, step: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            places = [builder.inttoptr(builder.add(args[0], builder.mul(args[1], I64(i))), _PTR) for i in range(count)]
            return from_lanes(builder, [builder.load(p, align=item, typ=kind.llvm.element) for p in places]).value

        return kind(types.int64, types.int64), lower

    @literally
    def every(context: Any, address: Any, step: Any) -> Any:
        if not isinstance(step, types.IntegerLiteral):
            return None
        k = step.literal_value

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            if k == 0:  # the same element for every lane
                return from_lanes(builder, [builder.load(builder.inttoptr(args[0], _PTR), align=item, typ=kind.llvm.element)]
                                  * count).value
            wide = builder.load(builder.inttoptr(args[0], _PTR), align=item, typ=ir.VectorType(kind.llvm.element, k * count))
            return builder.shuffle_vector(wide, wide, ir.Constant(ir.VectorType(I32, count), [k * i for i in range(count)]))

        return kind(types.int64, step), lower

    @intrinsic
    def pick(context: Any, address: Any, offsets: Any) -> Any:
        if not isinstance(offsets, Lanes) or offsets.dtype != "int32":
            return None

        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            none = ir.Constant(offsets.llvm, [0] * count)
            beyond = builder.icmp_signed("<", args[1], none)
            wide = builder.sext(builder.select(beyond, none, args[1]), ir.VectorType(I64, count))
            places = [builder.inttoptr(builder.add(args[0], builder.extract_element(wide, I32(i))), _PTR) for i in range(count)]
            found = from_lanes(builder, [builder.load(p, align=item, typ=kind.llvm.element) for p in places]).value
            return builder.select(beyond, ir.Constant(kind.llvm, [0] * count), found)

        return kind(types.int64, offsets), lower

    @intrinsic
    def uniform(context: Any, key: Any, index: Any, step: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            b = builder
            start = b.trunc(args[1], I32)
            steps = Vec(b,
                        ir.Constant(ir.VectorType(I32, count), list(range(count)))) * broadcast(b, b.trunc(args[2], I32), count)
            low = steps + broadcast(b, start, count)
            carry = low.below(broadcast(b, start, count))
            return _uniform(b, low, carry, args[0], args[1]).to_float(kind.llvm.element).value

        def scaled(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return (Vec(builder, lower(context, builder, signature, args)) * 2.0**-24).value

        return kind(types.int64, types.int64, types.int64), scaled

    return LaneFunctions(kind, load, first, splat, gather, uniform, every, pick)


# ---- plain numbers ---------------------------------------------------------------------------------------------------------
def _uniform(builder: Any, low: Vec, carry: Vec, key: Any, index: Any) -> Vec:
    key_high, index_high = (builder.trunc(builder.lshr(x, I64(32)), I32) for x in (key, index))
    return emit_uniform(low, carry, builder.trunc(key, I32), key_high, index_high)


@intrinsic
def uniform_at(context: Any, key: Any, index: Any) -> Any:
    """The uniform number in [0, 1) of one index."""

    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        low = Vec(builder, builder.trunc(args[1], I32))
        return (_uniform(builder, low, Vec(builder, I1(0)), *args).to_float(F32) * 2.0**-24).value

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
        return builder.load(builder.gep(builder.inttoptr(args[0], _PTR), [args[1]], source_etype=I64), align=8, typ=I64)

    return types.int64(types.int64, types.int64), lower


def _get(dtype: str) -> Any:
    kind, llvm, item = _ELEMENTS[dtype]

    def get(context: Any, address: Any) -> Any:
        return kind(types.int64), lambda c, builder, s, args: builder.load(builder.inttoptr(args[0], _PTR), align=item, typ=llvm)

    return intrinsic(get)


def _put(dtype: str) -> Any:
    kind, _, item = _ELEMENTS[dtype]

    def put(context: Any, address: Any, x: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            builder.store(args[1], builder.inttoptr(args[0], _PTR), align=item)
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

    return types.int64(types.int64, _star_tuple(args)), lower
