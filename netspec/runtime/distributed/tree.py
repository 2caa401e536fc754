"""What the parts of a step come to, summed in one binary tree.

Parts 0 and 1 are summed, 2 and 3, and so on, then these sums in pairs, up to the root. Where a step has fewer parts than a power
of two, a sum without a neighbour goes up as it is. So the order of the additions follows from the number of parts alone, and
whoever has the sums of two neighbours may add them, whoever computed the parts. """

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Place = tuple[int, int]  # of a sum in the tree: its height above the parts, and its number among those of that height


@dataclass
class Sum:
    """What neighbouring parts come to. `flat` is in float64: the gradients, each part's times what the part counts for; then how
    far running statistics have moved."""

    flat: Array
    weight: float  # what the parts count for
    parts: int = 1

    def take(self, right: Sum, keep: Array) -> None:
        """Add the parts that follow. `keep` is how much of a running statistic each part leaves: it moves from where the parts
        before it have moved it."""
        at = self.flat.size - keep.size
        self.flat[:at] += right.flat[:at]
        if keep.size:
            self.flat[at:] = self.flat[at:] * keep**right.parts + right.flat[at:]
        self.weight += right.weight
        self.parts += right.parts


class Tree:
    """The sums of some parts of a step, or the same stretch of each. Pairs are added as soon as both are there.

    keep  how much of each running statistic a part leaves, for the numbers at the end of `Sum.flat`
    free  memory of sums that have been added to others
    """

    def __init__(self, keep: Array, free: list[Array] | None = None):
        self.keep = keep
        self.sums: dict[Place, Sum] = {}
        self.free = [] if free is None else free

    def room(self, size: int) -> Array:
        """Memory for what another part comes to; what is in it is of no use."""
        while self.free:
            if (room := self.free.pop()).size == size:
                return room
        return np.empty(size)

    def add(self, number: int, part: Sum) -> None:
        """Put a part where it belongs."""
        self.put((0, number), part)

    def put(self, place: Place, held: Sum) -> None:
        """Put a sum where it belongs, and add what can be added."""
        height, k = place
        while (beside := (height, k ^ 1)) in self.sums:
            other = self.sums.pop(beside)
            left, right = (other, held) if k & 1 else (held, other)
            left.take(right, self.keep)
            self.free.append(right.flat)
            held, height, k = left, height + 1, k >> 1
        self.sums[height, k] = held

    def close(self, parts: int) -> dict[Place, Sum]:
        """The step has so many parts: sums that will never have a neighbour go up as they are. What is left, in order; the root
        alone where all parts were here."""
        height = 0
        while parts > 1:
            last = (height, parts - 1)
            if parts & 1 and last in self.sums:
                self.put((height + 1, parts >> 1), self.sums.pop(last))
            height, parts = height + 1, (parts + 1) >> 1
        return dict(sorted(self.sums.items(), key=lambda item: item[0][1] << item[0][0]))


def branches(parts: int, mine: Sequence[int]) -> list[Place]:
    """The places of what is left where these of a step's parts are summed."""
    nothing = np.empty(0)
    tree = Tree(nothing)
    for k in mine:
        tree.add(k, Sum(nothing, 0.0))
    return list(tree.close(parts))
