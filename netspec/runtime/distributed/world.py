"""The workers that share a step, as a step sees them; here one alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tree import Tree

Array = NDArray[Any]


class Lost(Exception):
    """Workers are gone. The others know of each other again, and do again what was not done."""


class World:
    """All the workers there are: this one. `rank` counts them from 0."""

    rank = 0
    size = 1

    @property
    def first(self) -> bool:
        """Whether this worker is the one that writes files and shows progress."""
        return self.rank == 0

    def gather(self, value: Any) -> list[Any]:
        """What each worker says, in their order: numbers, texts, lists, dicts and arrays. All call it at the same point."""
        return [value]

    def total(self, tree: Tree, parts: int, shares: Sequence[range], dtype: np.dtype[Any], before: Array) -> Array:
        """What all parts of a step come to: the mean of the gradients, then the running statistics, which were `before`. `shares`
        are the parts of each worker, whose sums are in its own tree."""
        (root,) = tree.close(parts).values()
        return finished(root.flat, root.weight, before, dtype)

    def agree(self) -> None:
        """All have what the step comes to: it may be taken. Raises Lost where somebody has it not."""


def finished(flat: Array, weight: float, before: Array, dtype: np.dtype[Any]) -> Array:
    """The numbers that a sum of all parts stands for; of a stretch of it just as well."""
    at = flat.size - before.size
    out = np.empty(flat.size, dtype)
    np.divide(flat[:at], weight or 1.0, out=out[:at], casting="same_kind")
    np.add(before, flat[at:], out=out[at:], casting="same_kind")
    return out
