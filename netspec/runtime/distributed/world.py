"""The workers that share a step, as a step sees them; here one alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .tree import Tree

Array = NDArray[Any]
T = TypeVar("T")


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
        """What each worker says, in their order: numbers, texts, lists, dicts and arrays. All call it at the same point.

        Errors: Lost; Elsewhere, where another worker ended by an error.
        """
        return [value]

    def reduce(self, value: Any, tree: Tree, parts: int, length: int, finished: Callable[[Array, float, slice], Array],
               dtype: np.dtype[Any]) -> tuple[list[Any], Array]:
        """What each worker says, and what all parts of a step come to. Each has its own parts' sums in its `tree`, of `length`
        numbers; `finished` makes numbers of `dtype` of a stretch of the whole sum, what the parts count for, and where it lies.

        Errors: as `gather`.
        """
        (root,) = tree.close(parts).values()
        return [value], finished(root.flat, root.weight, slice(0, length))

    def first_does(self, action: Callable[[], T]) -> T:
        """What the first worker's `action` gives, told to all."""
        return action()

    def settled(self) -> None:
        """An epoch is over: whatever has to be compiled is, and another one takes as long."""

    def failed(self, error: BaseException) -> None:
        """This worker ends by an error: the others hear of it where they meet next."""


ALONE = World()
