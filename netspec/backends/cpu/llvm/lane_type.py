"""The Numba type of a vector of lanes, and where lanes and numbers meet in one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types

from .arithmetic import F32, F64, I1, I32, I64, Vec, broadcast

ELEMENTS: dict[str, tuple[Any, Any, int]] = {
    "float32": (types.float32, F32, 4),
    "float64": (types.float64, F64, 8),
    "int32": (types.int32, I32, 4),
    "int64": (types.int64, I64, 8),
    "mask": (types.boolean, I1, 0),
}
POINTER = ir.PointerType()

# Numba's own annotations are partial, and wrong for an intrinsic, which is not called with the arguments it is made of.
intrinsic: Callable[[Callable[..., Any]], Any] = extending.intrinsic
literally: Callable[[Callable[..., Any]], Any] = extending.intrinsic(prefer_literal=True)  # constants arrive as such


class Lanes(types.Type):
    """The type of a vector of `count` elements of `dtype`; dtype "mask" has one bit an element."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = dtype, count
        _type: Any = super()
        _type.__init__(f"{dtype}x{count}")

    @property
    def element(self) -> Any:
        return ELEMENTS[self.dtype][0]

    @property
    def llvm(self) -> Any:
        return ir.VectorType(ELEMENTS[self.dtype][1], self.count)

    @property
    def item(self) -> int:
        """Bytes of an element."""
        return ELEMENTS[self.dtype][2]

    def with_dtype(self, dtype: str) -> Lanes:
        return Lanes(dtype, self.count)


_untyped: Any = extending
_untyped.register_model(Lanes)(lambda manager, kind: _untyped.models.PrimitiveModel(manager, kind, kind.llvm))


def common(*kinds: Any) -> Any:
    """The type in which lanes and numbers meet: that of the lanes; among numbers alone the widest float."""
    lanes = {k for k in kinds if isinstance(k, Lanes)}
    if len(lanes) == 1:
        return lanes.pop() if all(isinstance(k, Lanes | types.Number | types.Boolean) for k in kinds) else None
    if lanes or not all(isinstance(k, types.Number) for k in kinds):
        return None
    return types.float32 if all(k == types.float32 for k in kinds) else types.float64


def as_lanes(context: Any, builder: Any, value: Any, given: Any, wanted: Any) -> Vec:
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


def first_lanes(builder: Any, v: Lanes, k: Any) -> Any:
    """The mask of the lanes below k."""
    numbers = ir.Constant(ir.VectorType(I32, v.count), list(range(v.count)))
    return builder.icmp_signed("<", numbers, broadcast(builder, builder.trunc(k, I32), v.count).value)


def suffix(v: Lanes) -> str:
    """What LLVM calls the type in the names of its own functions."""
    return f"v{v.count}{'f' if v.dtype.startswith('float') else 'i'}{8 * v.item}"
