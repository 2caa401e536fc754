"""Archives of NumPy arrays, `.npz`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any, BinaryIO

import numpy as np

from . import zipped
from .source import About, Array, Damaged, Source, sized

_NAMES = {"f8": "F64", "f4": "F32", "f2": "F16"}


class Npz(Source):
    """The arrays of an archive: packed or not, each is read when it is asked for, as far as its head says that it goes."""

    kind = "an archive of NumPy"
    ordered = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self.heads: dict[str, tuple[tuple[int, ...], bool, np.dtype[Any]]] = {}
        with zipped.archive(path) as (z, _):
            for name in z.NameToInfo:
                if name.endswith(".npy"):
                    with z.open(name) as f:
                        self.heads[name.removesuffix(".npy")] = _head(f, name)
                else:
                    self.left = (*self.left, name)

    @cached_property
    def about(self) -> Mapping[str, About]:
        return {name: About(shape, _NAMES.get(dtype.str[1:], str(dtype))) for name, (shape, _, dtype) in self.heads.items()}

    def raw(self, name: str) -> Array:
        shape, fortran, dtype = self.heads[name]
        with zipped.archive(self.path) as (z, _), z.open(f"{name}.npy") as f:
            _head(f, name)
            size = prod(shape) * dtype.itemsize
            data = f.read(size)
            if len(data) != size:
                raise Damaged(f"{name} is cut short")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


def _head(f: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype of an array, and the file left where its numbers begin."""
    file: BinaryIO = f
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError) as e:
        raise Damaged(f"{name} is no array: {' '.join(str(e).split())[:100]}") from None
    return sized(name, shape), bool(fortran), dtype
