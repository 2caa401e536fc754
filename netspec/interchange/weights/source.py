"""Tensors in a file, by name, whatever the format: what is said of them is known at once, their numbers are read when asked for.

A weights file may come from anybody. A reader looks at shapes alone until a tensor is asked for, which the caller does for
those whose shape fits a net: so no file can make more be read than the net is large.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RANK = 32  # axes that an array of NumPy has at most, in every version
FLOATS = ("F64", "F32", "F16", "BF16")


class Foreign(ValueError):
    """The file is of another kind; the text says of which."""


class Damaged(ValueError):
    """The file is cut short, contradicts itself, or asks for what a weights file has no need of."""


class Unusable(ValueError):
    """A tensor holds what are no weights."""


class About(NamedTuple):
    """What a file says of a tensor."""

    shape: tuple[int, ...]
    dtype: str  # F64, F32, F16, BF16; or the name of what are no weights


class Source(Mapping[str, Array]):
    """The tensors of a file. Raises OSError (reading.NotRegular among them), Foreign or Damaged; `[]` also Unusable."""

    kind: str  # of file, as messages call it
    ordered = False  # whether the names come in the order in which the model was put together
    channels_last = False  # whether what a fully connected layer read was flattened so, as Keras does
    eps: Mapping[str, float] = {}  # what a layer's normalisation adds to the variance, where the file says it
    epsilon: float | None = None  # that of all other layers, where the program that wrote the file has one
    apart: tuple[str, ...] = ()  # what the names of tensors begin with that are no weights
    left: tuple[str, ...] = ()  # what else the file holds, and nobody reads: an optimiser's state

    path: str | os.PathLike[str]

    @property
    @abstractmethod
    def about(self) -> Mapping[str, About]:
        """What the file says of each tensor."""

    @abstractmethod
    def raw(self, name: str) -> Array:
        """The numbers of a tensor as they are stored; those of BF16 as whole numbers."""

    def parts_of(self, name: str, filters: int) -> tuple[str, str] | None:
        """The tensors of lengths and of directions that a weight is made of, where the file has it so, a length for each filter
        that its first so many axes tell apart."""
        return None

    def __getitem__(self, name: str) -> Array:
        dtype = self.about[name].dtype
        if dtype not in FLOATS:
            raise Unusable(f"{name} holds {dtype}, and weights are {', '.join(FLOATS[:-1])} or {FLOATS[-1]}")
        a = self.raw(name)
        return widened(a) if dtype == "BF16" else a.astype(np.float32) if a.dtype.itemsize == 2 else a

    def __contains__(self, name: object) -> bool:
        return name in self.about

    def __iter__(self) -> Iterator[str]:
        return iter(self.about)

    def __len__(self) -> int:
        return len(self.about)


def widened(a: Array) -> Array:
    """bfloat16, given as its 16 bits, as float32: the upper half of one."""
    return (np.ascontiguousarray(a).view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def sized(name: str, shape: Any) -> tuple[int, ...]:
    """A shape that a file claims. Raises Damaged for what is none, and for one that no array has."""
    if not isinstance(shape, tuple | list) or len(shape) > RANK or not all(type(n) is int and n >= 0 for n in shape):
        raise Damaged(f"the shape of {name} is none")
    if prod(shape) >= 1 << 62:
        raise Damaged(f"{name} claims {prod(shape):.3g} numbers")
    return tuple(shape)
