"""Arithmetic of whole vectors as LLVM IR: a value with Python's operators, what makes one of scalars, and what joins its lanes.

`Vec(builder, value)` wraps an llvmlite value (a vector of any width, or a scalar) so that formulas of it read as formulas;
`.value` unwraps it. The functions of formulas on it are in `vecmath.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

F32, F64, I1, I32, I64 = ir.FloatType(), ir.DoubleType(), ir.IntType(1), ir.IntType(32), ir.IntType(64)
Number = int | float


class Vec:
    """An LLVM value and the builder that continues it; plain numbers in an expression become constants of its type."""

    __slots__ = ("b", "value")

    def __init__(self, builder: Any, value: Any) -> None:
        self.b, self.value = builder, value

    @property
    def type(self) -> Any:
        return self.value.type

    @property
    def count(self) -> int:
        """Lanes; 1 for a scalar."""
        return self.type.count if isinstance(self.type, ir.VectorType) else 1

    @property
    def element(self) -> Any:
        return self.type.element if isinstance(self.type, ir.VectorType) else self.type

    @property
    def floating(self) -> bool:
        return self.element in (F32, F64)

    def shaped(self, element: Any) -> Any:
        """The type with as many lanes of another element."""
        return ir.VectorType(element, self.count) if isinstance(self.type, ir.VectorType) else element

    def const(self, x: Number, element: Any = None) -> Vec:
        t = self.shaped(element or self.element)
        return Vec(self.b, ir.Constant(t, [x] * t.count if isinstance(t, ir.VectorType) else x))

    def of(self, x: Vec | Number) -> Vec:
        return x if isinstance(x, Vec) else self.const(x)

    def call(self, name: str, *others: Vec | Number) -> Vec:
        """An LLVM intrinsic on this type: all arguments and the result have it."""
        args = [self.value, *(self.of(o).value for o in others)]
        prefix = "f" if self.floating else "i"
        bits = {F32: 32, F64: 64}.get(self.element) or self.element.width
        suffix = (f"v{self.count}" if isinstance(self.type, ir.VectorType) else "") + f"{prefix}{bits}"
        return Vec(self.b, self.b.call(declare(self.b, f"llvm.{name}.{suffix}", self.type, [self.type] * len(args)), args))

    def __add__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, (self.b.fadd if self.floating else self.b.add)(self.value, self.of(o).value))

    def __sub__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, (self.b.fsub if self.floating else self.b.sub)(self.value, self.of(o).value))

    def __mul__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, (self.b.fmul if self.floating else self.b.mul)(self.value, self.of(o).value))

    def __truediv__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, self.b.fdiv(self.value, self.of(o).value))

    def __radd__(self, o: Number) -> Vec:
        return self.of(o) + self

    def __rsub__(self, o: Number) -> Vec:
        return self.of(o) - self

    def __rmul__(self, o: Number) -> Vec:
        return self.of(o) * self

    def __rtruediv__(self, o: Number) -> Vec:
        return self.of(o) / self

    def __neg__(self) -> Vec:
        return Vec(self.b, self.b.fneg(self.value)) if self.floating else self.const(0) - self

    def __and__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, self.b.and_(self.value, self.of(o).value))

    def __or__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, self.b.or_(self.value, self.of(o).value))

    def __xor__(self, o: Vec | Number) -> Vec:
        return Vec(self.b, self.b.xor(self.value, self.of(o).value))

    def __invert__(self) -> Vec:
        return self ^ self.const(1 if self.element == I1 else -1)

    def __lshift__(self, n: int) -> Vec:
        return Vec(self.b, self.b.shl(self.value, self.of(n).value))

    def __rshift__(self, n: int) -> Vec:
        """Shift right, filling with zeros."""
        return Vec(self.b, self.b.lshr(self.value, self.of(n).value))

    def signed_shift(self, n: int) -> Vec:
        return Vec(self.b, self.b.ashr(self.value, self.of(n).value))

    def compare(self, how: str, o: Vec | Number) -> Vec:
        """Lanes of one bit. With NaN on either side only `!=` holds, as in Python."""
        o = self.of(o)
        if not self.floating:
            return Vec(self.b, self.b.icmp_signed(how, self.value, o.value))
        return Vec(self.b, (self.b.fcmp_unordered if how == "!=" else self.b.fcmp_ordered)(how, self.value, o.value))

    def __lt__(self, o: Vec | Number) -> Vec:
        return self.compare("<", o)

    def __le__(self, o: Vec | Number) -> Vec:
        return self.compare("<=", o)

    def __gt__(self, o: Vec | Number) -> Vec:
        return self.compare(">", o)

    def __ge__(self, o: Vec | Number) -> Vec:
        return self.compare(">=", o)

    def equal(self, o: Vec | Number) -> Vec:
        return self.compare("==", o)

    def below(self, o: Vec | Number) -> Vec:
        """Unsigned less-than of integers."""
        return Vec(self.b, self.b.icmp_unsigned("<", self.value, self.of(o).value))

    def select(self, a: Vec | Number, c: Vec | Number) -> Vec:
        """For a mask: `a` where it holds, else `c`."""
        pattern = a if isinstance(a, Vec) else c
        assert isinstance(pattern, Vec), "a selection between two numbers has no type"
        return Vec(self.b, self.b.select(self.value, pattern.of(a).value, pattern.of(c).value))

    def bits(self) -> Vec:
        """The same bits as integers."""
        return Vec(self.b, self.b.bitcast(self.value, self.shaped(I32 if self.element == F32 else I64)))

    def as_float(self) -> Vec:
        """The same bits as floats."""
        return Vec(self.b, self.b.bitcast(self.value, self.shaped(F32 if self.element == I32 else F64)))

    def to_float(self, element: Any) -> Vec:
        """Signed integers as floats."""
        return Vec(self.b, self.b.sitofp(self.value, self.shaped(element)))

    def fma(self, y: Vec | Number, z: Vec | Number) -> Vec:
        """self * y + z, rounded once where the processor can; elsewhere twice, instead of a call per lane."""
        return self.call("fmuladd", y, z)

    def abs(self) -> Vec:
        return self.call("fabs")

    def copysign(self, o: Vec) -> Vec:
        return self.call("copysign", o)

    def lane(self, k: int) -> Any:
        return self.b.extract_element(self.value, I32(k)) if isinstance(self.type, ir.VectorType) else self.value


def declare(b: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    """The function of that name and type, declared in the module that is being built."""
    found = b.module.globals.get(name)
    return found if found is not None else ir.Function(b.module, ir.FunctionType(result, arguments), name)


def broadcast(builder: Any, scalar: Any, count: int) -> Vec:
    """The scalar in every lane."""
    t = ir.VectorType(scalar.type, count)
    one = builder.insert_element(ir.Constant(t, ir.Undefined), scalar, I32(0))
    return Vec(builder,
               builder.shuffle_vector(one, ir.Constant(t, ir.Undefined), ir.Constant(ir.VectorType(I32, count), [0] * count)))


def from_lanes(builder: Any, scalars: list[Any]) -> Vec:
    out = ir.Constant(ir.VectorType(scalars[0].type, len(scalars)), ir.Undefined)
    for k, s in enumerate(scalars):
        out = builder.insert_element(out, s, I32(k))
    return Vec(builder, out)


def emit_sum(x: Vec) -> Any:
    """The lanes' sum as a scalar: halves added until one is left, a fixed order."""
    return _halve(x, lambda a, c: a + c)


def emit_largest(x: Vec) -> Any:
    return _extreme(x, ">")


def emit_smallest(x: Vec) -> Any:
    return _extreme(x, "<")


def _extreme(x: Vec, how: str) -> Any:
    """The extreme lane; a number that is none is looked for once, and not at every halving."""
    best = _halve(x, lambda a, c: c.compare(how, a).select(c, a))
    if not x.floating:
        return best
    bits = x.b.bitcast(x.compare("!=", x).value, ir.IntType(x.count))
    bad = x.b.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))
    return x.b.select(bad, ir.Constant(x.element, float("nan")), best)


def _halve(x: Vec, join: Callable[[Vec, Vec], Vec]) -> Any:
    while x.count > 1:
        half = x.count // 2
        low, high = (
            Vec(x.b, x.b.shuffle_vector(x.value, x.value, ir.Constant(ir.VectorType(I32, half), list(range(k, k + half)))))
            for k in (0, half)
        )
        x = join(low, high)
    return x.lane(0)
