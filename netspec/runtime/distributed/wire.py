"""What workers say to each other, as bytes and back: numbers, texts, tuples, lists, dicts by text, and arrays of numbers.
Nothing that comes is run: it is JSON, with the arrays behind it as they lie."""

from __future__ import annotations

import json
import struct
from math import prod
from typing import Any

import numpy as np

from ..io.nested import KINDS

HEAD = struct.Struct("<Q")


def packed(value: Any) -> bytes:
    """The bytes of a value. Raises TypeError for one that has none."""
    arrays: list[bytes] = []
    text = json.dumps(_plain(value, arrays)).encode()
    return b"".join((HEAD.pack(len(text)), text, *arrays))


def unpacked(data: bytes) -> Any:
    """The value of such bytes."""
    (length,) = HEAD.unpack_from(data)
    at = HEAD.size + length
    return _value(json.loads(data[HEAD.size : at]), data, [at])


def _plain(value: Any, arrays: list[bytes]) -> Any:
    if value is None or isinstance(value, bool | str) or type(value) in (int, float):
        return value
    if isinstance(value, tuple | list):
        return {"tuple" if isinstance(value, tuple) else "list": [_plain(v, arrays) for v in value]}
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {"dict": {k: _plain(v, arrays) for k, v in value.items()}}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in KINDS:
        arrays.append(np.ascontiguousarray(value).tobytes())
        return {"array": value.dtype.str, "shape": list(value.shape)}
    raise TypeError(f"a {type(value).__name__} cannot be said to another worker")


def _value(held: Any, data: bytes, at: list[int]) -> Any:
    """`at` is where the next array begins."""
    if not isinstance(held, dict):
        return held
    if "array" in held:
        dtype, shape = np.dtype(held["array"]), held["shape"]
        found = np.frombuffer(data, dtype, prod(shape), at[0]).reshape(shape).copy()[()]
        at[0] += dtype.itemsize * prod(shape)
        return found
    (kind, inside), = held.items()
    if kind == "dict":
        return {k: _value(v, data, at) for k, v in inside.items()}
    return (tuple if kind == "tuple" else list)(_value(v, data, at) for v in inside)
