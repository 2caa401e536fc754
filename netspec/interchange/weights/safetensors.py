"""Safetensors files, read with suspicion: the head is checked whole before a number is read, and each tensor is read when it
is asked for. Weights are floating-point numbers; F16 and BF16 are widened to F32, which changes none of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...reading import opened
from .source import About, Array, Damaged, Foreign, Source, Unusable

HEADER = 100_000_000  # bytes at most, as in the library of the format
WORDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}  # how the numbers lie in the file
_SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8,
          "I64": 8, "C64": 8}
_FOREIGN = {b"PK\x03\x04": "a zip archive (PyTorch's .pt, or .npz)", b"\x80\x02": "a pickle", b"\x80\x03": "a pickle",
            b"\x80\x04": "a pickle", b"\x80\x05": "a pickle",
            b"\x89HDF": "an HDF5 file (Keras)", b"\x93NUM": "a NumPy array", b"\x08": "a protocol buffer (ONNX)"}


class Held(NamedTuple):
    """A tensor as the head describes it."""

    dtype: str
    shape: tuple[int, ...]
    start: int  # byte of the file
    end: int


class Tensors(Source):
    """The tensors of a file by name, and its metadata. Raises OSError (reading.NotRegular among them), Foreign or Damaged."""

    kind = "safetensors"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        with opened(path) as f:
            size = os.fstat(f.fileno()).st_size
            first = f.read(16)
            what = next((kind for magic, kind in _FOREIGN.items() if first.startswith(magic)), None)
            length = int.from_bytes(first[:8], "little")
            if first[8:9] != b"{":
                raise Foreign(f"it looks like {what}" if what else "it is empty" if not size else "it is no safetensors file")
            if length > size - 8:
                raise Damaged(f"{size} bytes, and the header alone is {length}")
            if length > HEADER:
                raise Damaged(f"a header of {length} bytes")
            f.seek(8)
            head = f.read(length)
        self.metadata: dict[str, str] = {}
        self.held: dict[str, Held] = {}
        for name, about in _parsed(head).items():
            if name == "__metadata__":
                if not isinstance(about, dict) or not all(isinstance(v, str) for v in about.values()):
                    raise Damaged("its metadata are no texts by name")
                self.metadata = about
                self.apart = ("optimiser/", "average/") if "netspec" in about else ()
            else:
                self.held[name] = _described(name, about, 8 + length)
        at = 8 + length
        for name, t in sorted(self.held.items(), key=lambda kv: kv[1][2:]):
            if t.start != at:
                raise Damaged(f"{name} begins at byte {t.start}, where {at} is due")
            at = t.end
        if at != size:
            raise Damaged(f"{size} bytes, and what it describes ends at byte {at}")

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: About(t.shape, t.dtype) for name, t in self.held.items()}

    @property
    def bytes(self) -> int:
        """What all tensors take."""
        return sum(t.end - t.start for t in self.held.values())

    def raw(self, name: str) -> Array:
        """The numbers as they are stored; those of BF16 as whole numbers."""
        t = self.held[name]
        if t.dtype not in WORDS:
            raise Unusable(f"{name} holds {t.dtype}, and weights are F64, F32, F16 or BF16")
        with opened(self.path) as f:
            f.seek(t.start)
            data = f.read(t.end - t.start)
        if len(data) != t.end - t.start:
            raise Damaged(f"{name} is cut short")
        return np.frombuffer(data, WORDS[t.dtype]).reshape(t.shape)


def parsed(text: str | bytes, strict: bool = True) -> Any:
    """JSON without names given twice (and, if `strict`, without numbers that are none). Raises ValueError, whatever is wrong."""
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"{next(k for k, _ in pairs if sum(k == j for j, _ in pairs) > 1)!r} is there twice")
        return found

    def none(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=none if strict else None)
    except RecursionError:
        raise ValueError("it nests too deeply") from None


def _parsed(head: bytes) -> dict[str, Any]:
    try:
        found = parsed(head)
    except ValueError as e:
        raise Damaged(f"its header is no JSON: {e}"[:200]) from None
    if not isinstance(found, dict):
        raise Damaged("its header names no tensors")
    return found


def _described(name: str, about: Any, base: int) -> Held:
    def whole(v: Any) -> bool:
        return type(v) is int and 0 <= v < 1 << 62

    if not isinstance(about, dict) or set(about) != {"dtype", "shape", "data_offsets"}:
        raise Damaged(f"{name} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets,
                                                                                   list) or len(offsets) != 2 or len(shape) > 64 \
            or not all(map(whole, (*shape, *offsets))):
        raise Damaged(f"the description of {name} is none")
    size = np.dtype(WORDS[dtype]).itemsize if dtype in WORDS else _SIZES.get(dtype)
    if offsets[1] < offsets[0] or (size is not None and offsets[1] - offsets[0] != prod(shape) * size):
        raise Damaged(f"{name} is {'x'.join(map(str, shape))} of {dtype}, and takes {offsets[1] - offsets[0]} bytes")
    return Held(dtype, tuple(shape), base + offsets[0], base + offsets[1])
