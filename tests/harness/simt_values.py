"""Values of the emulator of CUDA kernels: their types as numba has them, and what its functions compute."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Value = Any  # a scalar, or an array that broadcasts to (blocks, threads)
Mask = Any  # a boolean array that broadcasts so, or None: all lanes
Grid = int | tuple[int, int]

CHUNK = 1 << 18  # lanes at a time, which bounds the memory and keeps the arrays near the cache
SHARED_LIMIT = 48 * 1024  # bytes a block may have without asking
MANY = -1  # several readers, where one would be named

# Integers are int64 whatever their width in memory, as arithmetic widens them; what is loaded unsigned stays apart, since numba
# makes floats of a mixture.
KINDS: dict[Any, str] = {bool: "?", int: "l", np.uint64: "L", np.float32: "f", np.float64: "d", float: "d"}
TYPES: dict[str, Any] = {"l": np.int64, "L": np.uint64, "f": np.float32, "d": np.float64}
MEMORY_KINDS = {"b1": "?", "i1": "l", "i2": "l", "i4": "l", "i8": "l", "u1": "L", "u2": "L", "u4": "L", "u8": "L", "f4": "f",
                "f8": "d"}

BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.LShift: operator.lshift, ast.RShift: operator.rshift, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}  # fmt: skip
BITWISE, SHIFTS = (ast.BitAnd, ast.BitOr, ast.BitXor), (ast.LShift, ast.RShift)
COMPARE: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


def _erf(x: Value) -> Value:
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(np.asarray(x, np.float64)), np.float64).astype(np.asarray(x).dtype)[()]


def _fma(a: Value, b: Value, c: Value) -> Value:
    """One rounding, or as good as: float32 is exact up to the sum in float64, float64 carries what its product and its sum have
    lost."""
    if np.asarray(a).dtype == np.float32:
        return np.asarray(np.multiply(a, b, dtype=np.float64) + c).astype(np.float32)[()]
    high, other = (x - (x * 134217729.0 - (x * 134217729.0 - x)) for x in (a, b))  # the low halves
    upper_a, upper_b, product = a - high, b - other, a * b
    lost = high * other - (((product - upper_a * upper_b) - high * upper_b) - upper_a * other)
    total = product + c
    part = total - product
    result = total + (((product - (total - part)) + (c - part)) + lost)
    return np.where(np.isfinite(result), result, total)[()]


# min and max pass over a nan, as libdevice's do.
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    **{f"math.{name}": (1, getattr(np, name)) for name in ("exp", "log", "log1p", "expm1", "sqrt", "tanh", "floor", "fabs")},
    "math.erf": (1, _erf), "math.pow": (2, np.power), "math.fma": (3, _fma), "cuda.fma": (3, _fma), "min": (2, np.fmin),
    "max": (2, np.fmax), "abs": (1, np.abs),
}  # fmt: skip
CASTS = ("F", "float32", "float64", "int32", "int64", "uint64")
PLACES = {f"cuda.{what}.{axis}" for what in ("threadIdx", "blockIdx", "blockDim", "gridDim")
          for axis in "xy"} - {"cuda.threadIdx.y", "cuda.blockDim.y"}


def kind_of(value: Value) -> str:
    return str(value.dtype.char) if isinstance(value, np.ndarray) else KINDS[type(value)]


def plain(value: Value) -> Value:
    """A uniform value as the scalar it is kept as: integers and truths are Python's, which are fast, floats are NumPy's, which
    have a width."""
    if isinstance(value, np.ndarray | np.float32 | np.float64 | np.uint64):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float):
        return np.float64(value)
    return (operator.index(value) + (1 << 63)) % (1 << 64) - (1 << 63)


def given(value: Value) -> Value:
    """A constant or an argument: beyond int64 it is unsigned, where a result would have wrapped."""
    return np.uint64(value) if type(value) is int and 1 << 63 <= value < 1 << 64 else plain(value)


def cast(value: Value, kind: str) -> Value:
    if kind_of(value) == kind:
        return value
    return value.astype(TYPES[kind]) if isinstance(value, np.ndarray) else plain(TYPES[kind](value))


def truth(value: Value) -> Value:
    return bool(value) if not isinstance(value, np.ndarray) else value if value.dtype == bool else value != 0
