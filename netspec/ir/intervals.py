"""Stretches of memory that are taken, and the lowest place that is free at certain times."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping


class Intervals:
    """Numbers covered by half-open intervals [first, end), kept sorted and apart: neighbours that meet become one."""

    __slots__ = ("ends", "firsts")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.ends: list[int] = []

    def add(self, first: int, end: int) -> None:
        firsts, ends = self.firsts, self.ends
        i, j = bisect_left(ends, first), bisect_right(firsts, end)
        if i == j:
            firsts.insert(i, first)
            ends.insert(i, end)
            return
        if firsts[i] > first:
            firsts[i] = first
        ends[i] = max(end, ends[j - 1])
        if j > i + 1:
            del firsts[i + 1:j], ends[i + 1:j]

    def end_of_first(self, first: int, end: int) -> int | None:
        """The end of the first interval that shares a number with [first, end); None where none does."""
        k = bisect_right(self.ends, first)
        return self.ends[k] if k < len(self.ends) and self.firsts[k] < end else None


class Rooms:
    """Places in memory over time, `steps` of it from 0 on: what is taken while a step runs, found without walking through
    every buffer. A binary tree over the steps; a node keeps what lives through all of its steps and not of its parent's
    (`through`), and all that lives in some of them (`within`). What comes to lie within waits in a list until it is asked for:
    most nodes far above are never asked."""

    def __init__(self, steps: int):
        self.leaves = 1 << max(0, steps - 1).bit_length()
        self.through: dict[int, Intervals] = defaultdict(Intervals)
        self.within: dict[int, Intervals] = defaultdict(Intervals)
        self.waiting: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def take(self, size: int, first: int, last: int) -> int:
        """The lowest place where `size` numbers are free in the steps from `first` to `last`, both included; they are taken."""
        whole, above = self._nodes(first, last)
        through, waiting = self.through, self.waiting
        found = [through[n] for n in above if n in through]
        for n in whole:
            within = self.within[n]
            for taken in waiting.pop(n, ()):
                within.add(*taken)
            found.append(within)
        at = self._lowest(size, found)
        mine = at, at + size
        for n in whole:
            through[n].add(*mine)
            self.within[n].add(*mine)
        for n in above:
            waiting[n].append(mine)
        return at

    def _lowest(self, size: int, found: list[Intervals]) -> int:
        """The lowest place where none of them has any of `size` numbers."""
        at, moved = 0, True
        while moved:
            moved = False
            for taken in found:
                firsts, ends = taken.firsts, taken.ends
                k = bisect_right(ends, at)
                while k < len(ends) and firsts[k] < at + size:
                    at, k, moved = ends[k], k + 1, True
        return at

    def _nodes(self, first: int, last: int) -> tuple[list[int], list[int]]:
        """The largest nodes that lie in [first, last] wholly, and all nodes above them."""
        whole = []
        low, high = first + self.leaves, last + self.leaves + 1
        while low < high:
            if low & 1:
                whole.append(low)
                low += 1
            if high & 1:
                high -= 1
                whole.append(high)
            low >>= 1
            high >>= 1
        above: set[int] = set()
        for n in whole:
            n >>= 1
            while n and n not in above:
                above.add(n)
                n >>= 1
        return whole, list(above)


def first_fit(lives: Mapping[str, tuple[int, int, int]], share: bool = True) -> tuple[dict[str, int], int]:
    """Where buffers begin, and the size of all: each is (size, first step, last step), and those that are never alive at the
    same time may share. The largest are placed first, each as low as it fits."""
    start = min((first for _, first, _ in lives.values()), default=0)
    rooms = Rooms(max((last for *_, last in lives.values()), default=0) - start + 1 if share else 1)
    where: dict[str, int] = {}
    for b in sorted(lives, key=lambda b: (-lives[b][0], lives[b][1:], b)):
        size, first, last = lives[b]
        steps = (first - start, last - start) if share else (0, 0)
        where[b] = rooms.take(size, *steps)
    return where, max((at + lives[b][0] for b, at in where.items()), default=0)
