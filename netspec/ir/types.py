"""Tensor types: what is known of a value before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

Size = int | None  # None is an unknown size, written `?` in a spec
Shape = tuple[Size, ...]  # without the batch
Element = Literal["float", "int"]  # "float" is the network's dtype, "int" is int64 (labels, indices)


@dataclass(frozen=True, slots=True)
class TensorType:
    """The type of one value.

    `shape` is the shape of one image and leaves the batch out: C, then the spatial axes. `batch` says how many
    images a sample holds: 1 for an ordinary value, 0 for a value with no batch axis (a parameter, a per-channel
    sum), `views` inside `each view:`. A batched value has N * batch images when it runs.
    """

    shape: tuple[Size, ...]
    batch: int = 1
    element: Element = "float"

    def __str__(self) -> str:
        extents = "x".join("?" if s is None else str(s) for s in self.shape) or "scalar"
        head = {0: "", 1: "N x "}.get(self.batch, f"{self.batch}N x ")
        return f"{head}{extents}" + ("" if self.element == "float" else " int")

    @property
    def rank(self) -> int:
        """Number of axes of an index formula that reads this value."""
        return len(self.shape) + (self.batch > 0)

    @property
    def channels(self) -> Size:
        return self.shape[0]

    @property
    def spatial(self) -> tuple[Size, ...]:
        return self.shape[1:]

    @property
    def known(self) -> bool:
        return None not in self.shape

    @property
    def size(self) -> int:
        """Elements of one image (of the whole value where there is no batch); every size must be known."""
        assert self.known, f"the size of {self} is not known"
        return prod(s for s in self.shape if s is not None)

    def of(self, *shape: Size) -> TensorType:
        """The same batch and element with another shape."""
        return TensorType(shape, self.batch, self.element)


LARGEST = 10**13  # what stands for a size of more digits: every limit is below it


def shape_of(given: str | int | Iterable[Any]) -> Shape:
    """The shape that is written `3x224x224`, or as one size, or as sizes in a row; `?` and None are sizes left open.

    Errors: ValueError or TypeError, of what is no shape. Whether the sizes make sense is for the caller to say.
    """
    parts = given.split("x") if isinstance(given, str) else (given,) if isinstance(given, int) else given
    return tuple([None if n is None or n == "?" else _size(n) for n in parts])


def _size(n: Any) -> int:
    size = LARGEST if isinstance(n, str) and n.isdigit() and len(n) > 12 else int(n)
    if not isinstance(n, str) and size != n:
        raise ValueError(f"{n!r} is not whole")
    return size


def shape_text(shape: tuple[Size, ...]) -> str:
    """`64x56x56`, with `?` for a size that is not known."""
    return "x".join("?" if s is None else str(s) for s in shape)
