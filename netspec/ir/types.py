"""Tensor types: what is known of a value before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

Size = int | None  # None is an unknown size, written `?` in a spec
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


def shape_text(shape: tuple[Size, ...]) -> str:
    """`64x56x56`, with `?` for a size that is not known."""
    return "x".join("?" if s is None else str(s) for s in shape)
