"""What metrics have counted, as JSON and back, exactly: numbers, texts, tuples, lists, dicts by text, and arrays of numbers."""

from __future__ import annotations

from base64 import b64decode, b64encode
from math import prod
from typing import Any

import numpy as np

DEEPEST = 16
KINDS = "biuf"


def packed(value: Any) -> Any:
    """The JSON of a value. Raises TypeError for one that has none."""
    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return value
    if isinstance(value, tuple | list):
        return {"tuple" if isinstance(value, tuple) else "list": [packed(v) for v in value]}
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {"dict": {k: packed(v) for k, v in value.items()}}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in KINDS:
        return {"array": b64encode(np.ascontiguousarray(value).tobytes()).decode(), "dtype": value.dtype.str,
                "shape": list(value.shape)}
    raise TypeError(f"a {type(value).__name__} cannot be kept in a file")


def unpacked(held: Any, depth: int = 0) -> Any:
    """The value of such JSON. Raises ValueError for what `packed` does not make."""
    if held is None or isinstance(held, bool | str | int | float):
        return held
    if not isinstance(held, dict) or depth > DEEPEST:
        raise ValueError("no value is written so")
    if set(held) == {"array", "dtype", "shape"}:
        return _array(held)
    (kind, inside), = held.items() if len(held) == 1 else [("", None)]
    if kind in ("tuple", "list") and isinstance(inside, list):
        return (tuple if kind == "tuple" else list)(unpacked(v, depth + 1) for v in inside)
    if kind == "dict" and isinstance(inside, dict):
        return {k: unpacked(v, depth + 1) for k, v in inside.items()}
    raise ValueError("no value is written so")


def _array(held: dict[str, Any]) -> Any:
    text, kind, shape = held["array"], held["dtype"], held["shape"]
    if not isinstance(text, str) or not isinstance(kind, str) or not isinstance(shape, list) or not all(
            type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array has text, dtype and shape")
    if len(kind) > 4 or kind[1:2] not in KINDS or kind[:1] not in "<>|":
        raise ValueError(f"{kind[:10]!r} is no dtype of numbers")
    try:
        dtype, data = np.dtype(kind), b64decode(text, validate=True)
    except TypeError:
        raise ValueError(f"{kind!r} is no dtype") from None
    if len(data) != dtype.itemsize * prod(shape) or len(shape) > 32:
        raise ValueError("an array has another size than its shape")
    return np.frombuffer(data, dtype).reshape(shape).copy()[()]


def alike(fresh: Any, value: Any) -> bool:
    """Whether `value` can stand where `fresh` stands, which has seen nothing: of the same sorts and sizes throughout, though what
    is empty may have grown."""
    if isinstance(fresh, np.ndarray):
        return isinstance(value, np.ndarray) and value.dtype.kind in KINDS and value.ndim == fresh.ndim and (
            value.shape == fresh.shape or not fresh.size)
    if isinstance(fresh, tuple | list):
        return type(value) is type(fresh) and ((isinstance(fresh, list) and not fresh) or (
            len(value) == len(fresh) and all(map(alike, fresh, value))))
    if isinstance(fresh, dict):
        return isinstance(value, dict) and (not fresh or (fresh.keys() == value.keys()
                                                          and all(alike(v, value[k]) for k, v in fresh.items())))
    if isinstance(fresh, int | float | np.generic):
        return isinstance(value, int | float | np.generic)
    return fresh is None or type(value) is type(fresh)
