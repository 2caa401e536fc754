"""Explicit vectors in emitted LLVM IR: the smallest toolkit on top of Numba's `@intrinsic`.

`E` wraps a builder with a vector of `width` elements of `kind` ("float32" or "float64"). Addresses are plain int64; no
array objects reach an inner loop. Functions of vectors (exp, tanh, ...) are in `vecmath`.
This file depends on Numba and llvmlite alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Value = Any  # an llvmlite value; the library has no types
I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
PTR = ir.PointerType()
function: Any = cgutils.get_or_insert_function  # (module, type, name)
ELEMENTS: dict[str, tuple[Any, int]] = {"float32": (ir.FloatType(), 4), "float64": (ir.DoubleType(), 8)}


def i64(x: int) -> Value:
    return ir.Constant(I64, x)


class E:
    """An emitter of vector instructions."""

    def __init__(self, builder: Any, width: int, kind: str = "float32"):
        self.b, self.width, self.kind = builder, width, kind
        self.scalar, self.item = ELEMENTS[kind]
        self.type = ir.VectorType(self.scalar, width)
        self.integer = ir.IntType(8 * self.item)  # an integer as wide as an element
        self.integers = ir.VectorType(self.integer, width)
        self.bytes = self.item * width

    # ---- memory ------------------------------------------------------------------------------------------------------
    def pointer(self, address: Value) -> Value:
        return self.b.inttoptr(address, PTR)

    def offset(self, pointer: Value, bytes: Value | int) -> Value:
        if isinstance(bytes, int):
            if bytes == 0:
                return pointer
            bytes = i64(bytes)
        return self.b.gep(pointer, [bytes], source_etype=I8)

    def word(self, pointer: Value, index: int = 0) -> Value:
        """The index-th int64 at a pointer."""
        return self.b.load(self.offset(pointer, 8 * index), align=8, typ=I64)

    def load(self, pointer: Value, bytes: Value | int = 0) -> Value:
        return self.b.load(self.offset(pointer, bytes), align=self.item, typ=self.type)

    def store(self, value: Value, pointer: Value, bytes: Value | int = 0) -> None:
        self.b.store(value, self.offset(pointer, bytes), align=self.item)

    def broadcast(self, pointer: Value, bytes: Value | int = 0) -> Value:
        return self.splat(self.b.load(self.offset(pointer, bytes), align=self.item, typ=self.scalar))

    def prefetch(self, pointer: Value, bytes: Value | int = 0, write: bool = False) -> None:
        """Fetch a line that is soon needed; any address will do."""
        kind = ir.FunctionType(ir.VoidType(), [PTR, I32, I32, I32])
        f = function(self.b.module, kind, "llvm.prefetch.p0")
        self.b.call(f, [self.offset(pointer, bytes), *(ir.Constant(I32, k) for k in (int(write), 3, 1))])

    # ---- values ------------------------------------------------------------------------------------------------------
    def const(self, x: float) -> Value:
        return ir.Constant(self.type, [float(x)] * self.width)

    def zero(self) -> Value:
        return self.const(0.0)

    def iconst(self, x: int) -> Value:
        return ir.Constant(self.integers, [x] * self.width)

    def splat(self, s: Value) -> Value:
        undefined = ir.Constant(self.type, ir.Undefined)
        one = self.b.insert_element(undefined, s, ir.Constant(I32, 0))
        return self.b.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(I32, self.width), [0] * self.width))

    def shuffle(self, v: Value, order: Sequence[int]) -> Value:
        return self.b.shuffle_vector(v, v, ir.Constant(ir.VectorType(I32, self.width), list(order)))

    def merge(self, v: Value, w: Value, order: Sequence[int]) -> Value:
        """Lanes of two vectors; those of the second are numbered from `width`."""
        return self.b.shuffle_vector(v, w, ir.Constant(ir.VectorType(I32, self.width), list(order)))

    def intrinsic(self, name: str, *args: Value) -> Value:
        """A vector intrinsic whose arguments and result all have this type."""
        suffix = f"v{self.width}f{8 * self.item}"
        f = function(self.b.module, ir.FunctionType(self.type, [self.type] * len(args)), f"llvm.{name}.{suffix}")
        return self.b.call(f, list(args))

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        return self.intrinsic("fma", a, b, c)

    # ---- loops -------------------------------------------------------------------------------------------------------
    def loop(self, n: Value, carried: Sequence[Value], body: Callable[[Value, list[Value]], Sequence[Value]]) -> list[Value]:
        """for i in range(n): carried = body(i, carried). The final carried values; n may be 0."""
        b = self.b
        before = b.block
        head = b.append_basic_block("loop")
        end = b.append_basic_block("done")
        b.cbranch(b.icmp_signed(">", n, i64(0)), head, end)
        b.position_at_end(head)
        i = b.phi(I64)
        i.add_incoming(i64(0), before)
        phis = []
        for c in carried:
            p = b.phi(c.type)
            p.add_incoming(c, before)
            phis.append(p)
        new = body(i, phis)
        following = b.add(i, i64(1))
        latch = b.block
        i.add_incoming(following, latch)
        for p, v in zip(phis, new):
            p.add_incoming(v, latch)
        b.cbranch(b.icmp_signed("<", following, n), head, end)
        b.position_at_end(end)
        out = []
        for c, v in zip(carried, new):
            p = b.phi(c.type)
            p.add_incoming(c, before)
            p.add_incoming(v, latch)
            out.append(p)
        return out


# ---- intrinsics of plain int64 words -------------------------------------------------------------------------------------
def make_intrinsic(count: int, emit: Callable[[Any, list[Value]], Any]) -> Any:
    """A function of `count` int64 arguments that emits its own body and returns 0, or the int64 that `emit` returns."""
    names = ", ".join(f"a{i}" for i in range(count))
    source = f"def f(context, {names}):\n    return types.int64({', '.join(['types.int64'] * count)}), generate\n"

    def generate(context: Any, builder: Any, signature: Any, args: list[Value]) -> Value:
        out = emit(builder, args)
        return i64(0) if out is None else out

    scope: dict[str, Any] = {"types": types, "generate": generate}
    exec(source, scope)
    return intrinsic(scope["f"])


def caller(count: int) -> Any:
    """call(address, ...): a call of a C function of `count` int64 arguments that returns int64."""
    kind = ir.FunctionType(I64, [I64] * count)
    return make_intrinsic(count + 1, lambda b, a: b.call(b.inttoptr(a[0], kind.as_pointer()), a[1:]))


def _memset(b: Any, a: list[Value]) -> None:
    f = function(b.module, ir.FunctionType(ir.VoidType(), [PTR, I8, I64, ir.IntType(1)]), "llvm.memset.p0.i64")
    b.call(f, [b.inttoptr(a[0], PTR), ir.Constant(I8, 0), a[1], ir.Constant(ir.IntType(1), 0)])


def _set_word(b: Any, a: list[Value]) -> None:
    b.store(a[2], b.gep(b.inttoptr(a[0], PTR), [a[1]], source_etype=I64), align=8)


word = make_intrinsic(2, lambda b, a: b.load(b.gep(b.inttoptr(a[0], PTR), [a[1]], source_etype=I64), align=8, typ=I64))
set_word = make_intrinsic(3, _set_word)
clear = make_intrinsic(2, _memset)
