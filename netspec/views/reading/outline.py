"""The outline of a graph: its steps in order, grouped by scope, equal turns folded. Summary and diagram are drawn from it.

Turns that the text itself repeats are folded first, then others that look alike. A run of turns is folded only where the
drawing of one turn and its number say all: each turn reads of the others the one value that the turn before hands on, what
the first reads in its place is one value too, and nothing else looks inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...ir.graph import Graph, Node
from .steps import Group, Item, Repeat, Step, grouped, nodes_of, steps

PERIOD = 12  # a turn of a repeat has at most this many items

Sameness = Callable[[Node], Any]  # what must agree for two nodes to be shown as one
Reads = Callable[[Node], tuple[str, ...]]
Place = tuple[int, int]  # within a turn: the number of a node, and of its result


def outline(graph: Graph, same: Sameness, join: bool = False, reads: Reads | None = None) -> tuple[Item, ...]:
    """Steps in order, grouped by scope, with runs folded whose nodes are the `same` and are wired alike. `join` counts
    activations and normalisations of their own to the step they follow; `reads` says what a node's arcs start from,
    where that is not simply its inputs."""
    arcs = {n.name: n.inputs if reads is None else reads(n) for n in graph}
    readers: dict[str, set[str]] = {}
    for name, values in arcs.items():
        for v in values:
            readers.setdefault(v, set()).add(name)
    items = grouped(list(steps(graph, readers if join else None)), "")
    for _, v in graph.outputs:
        readers.setdefault(v, set()).add("")  # the world, which is in no turn
    return _Folding(same, arcs, readers).folded(items)


class _Folding:
    """Finds runs of equal turns."""

    def __init__(self, same: Sameness, reads: Mapping[str, tuple[str, ...]], readers: Mapping[str, set[str]]):
        self.same, self.reads, self.readers = same, reads, readers
        self.ids: dict[Any, int] = {}

    def folded(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        items = self.runs(items, self.written, 1)
        items = self.runs(items, self.looks, 2)  # two steps that are alike are no pattern yet
        return tuple(map(self.inner, items))

    def inner(self, item: Item) -> Item:
        """The same with what lies within it folded."""
        if isinstance(item, Step):
            return item
        if isinstance(item, Group):
            return Group(item.path, self.folded(item.items))
        return Repeat(tuple(map(self.folded, item.turns)))

    def runs(self, items: tuple[Item, ...], alike: Callable[[Item], int], least: int) -> tuple[Item, ...]:
        """With runs of equal turns folded that hide so many items at least."""
        done: list[Item] = []
        kinds = [alike(i) for i in items]
        k = 0
        while k < len(items):
            period, times = self.longest(items, kinds, k, least)
            turns = tuple(items[k + t * period:k + (t + 1) * period] for t in range(times))
            done.append(Repeat(turns) if times > 1 else items[k])
            k += period * times
        return tuple(done)

    def looks(self, item: Item) -> int:
        """Equal numbers for items that look alike."""
        return self._number(item, self.same)

    def written(self, item: Item) -> int:
        """Equal numbers for items that look alike and are made by the same text."""
        return self._number(item, lambda n: (self.same(n), n.spans))

    def _number(self, item: Item, same: Sameness) -> int:
        if isinstance(item, Step):
            key: Any = ("step", *map(same, item.nodes))
        elif isinstance(item, Group):
            key = ("group", *(self._number(i, same) for i in item.items))
        else:
            key = ("repeat", item.times, *(self._number(i, same) for i in item.turns[0]))
        return self.ids.setdefault(key, len(self.ids))

    def longest(self, items: Sequence[Item], kinds: list[int], k: int, least: int) -> tuple[int, int]:
        """(period, times) of the run at k that hides most items; (1, 1) where none hides the `least`."""
        best, found = least - 1, (1, 1)
        for period in range(1, min(PERIOD, (len(items) - k) // 2) + 1):
            times = 1
            while kinds[k + times * period:k + (times + 1) * period] == kinds[k:k + period]:
                times += 1
            if (times - 1) * period > best:
                times = self.chained([nodes_of(items[k + t * period:k + (t + 1) * period]) for t in range(times)])
                if (times - 1) * period > best:
                    best, found = (times - 1) * period, (period, times)
        return found

    def chained(self, turns: Sequence[list[Node]]) -> int:
        """How many of these turns, from the first on, are a chain: each hands one value on to the next, always the same one."""
        if self.enters(turns[0]) is None:
            return 1
        hands: Place | None = None
        times = 1
        for turn, after in pairwise(turns):
            handed = self.enters(after)
            place = _places(turn).get(handed or "")
            if handed is None or place is None or place != (hands or place) or self.wiring(after) != self.wiring(turn):
                break
            if self.seen(turn) != {handed} or self.readers[handed] - _names(turn) - _names(after):
                break
            hands, times = place, times + 1
        if hands is None:
            return 1
        number, result = hands  # of the last turn nothing else is seen either
        last = turns[times - 1]
        return times if self.seen(last) <= {last[number].results[result].name} else times - 1

    def seen(self, turn: list[Node]) -> set[str]:
        """Its values that are read elsewhere."""
        inside = _names(turn)
        return {v.name for n in turn for v in n.results if not self.readers.get(v.name, set()) <= inside}

    def enters(self, turn: list[Node]) -> str | None:
        """The value that a turn reads of what is not its own, if it is one."""
        own = _places(turn)
        outside = {v for n in turn for v in self.reads[n.name] if v not in own}
        return outside.pop() if len(outside) == 1 else None

    def wiring(self, turn: list[Node]) -> tuple[tuple[Place | None, ...], ...]:
        """What each of its nodes reads, by its place in the turn; None is what comes from before."""
        own = _places(turn)
        return tuple(tuple(own.get(v) for v in self.reads[n.name]) for n in turn)


def _places(turn: list[Node]) -> dict[str, Place]:
    return {v.name: (k, r) for k, n in enumerate(turn) for r, v in enumerate(n.results)}


def _names(turn: list[Node]) -> set[str]:
    return {n.name for n in turn}
