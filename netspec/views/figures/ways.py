"""The main way through a network, and what hangs beside it.

The main way leads back from the output that most is made for; at a join it takes the branch with most layers that learn. What
is left falls into sides, each of which hangs together: a shortcut, a branch, a head, what comes from another input.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from ...ir.graph import Graph, Input, Node
from ..reading.arcs import drawn_inputs, refers

WORKS = ("convolution", "dense")


def works(n: Node) -> bool:
    """Whether a reader asks where it is: a convolution or a fully connected layer."""
    return getattr(n.op, "category", "") in WORKS


def is_merge(n: Node) -> bool:
    return getattr(n.op, "category", "") == "merge"


def multiplies(n: Node) -> bool:
    return getattr(n.op, "symbol", "") == "×"


@dataclass(frozen=True)
class Side:
    """Nodes beside the main way that hang together; none where a join reads the main way itself once more."""

    nodes: tuple[Node, ...]
    starts: tuple[int, ...]  # places on the main way that it reads
    ends: tuple[tuple[int, int], ...]  # joins on the main way that read it, and as which argument
    outputs: tuple[str, ...] = ()  # names of the outputs it makes

    @cached_property
    def works(self) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if works(n))

    @property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if isinstance(n.op, Input))


class Ways:
    """Some nodes of a graph in order, the main way through them to one of them, and the sides."""

    def __init__(self, graph: Graph, nodes: Sequence[Node], end: Node):
        self.graph, self.end = graph, end
        inside = {n.name for n in nodes}
        self.nodes = nodes
        self.sources: dict[str, list[Node]] = {}
        for n in nodes:
            reads = drawn_inputs(graph, n)
            reads = reads[:1] if refers(n) else reads
            self.sources[n.name] = [m for m in (graph.maker[v] for v in reads) if m.name in inside]
        self.depth: dict[str, int] = {}  # layers that learn on the longest way to it
        for n in nodes:
            self.depth[n.name] = works(n) + max((self.depth[s.name] for s in self.sources[n.name]), default=0)
        self.main = self._main()
        self.place = {n.name: k for k, n in enumerate(self.main)}
        self.sides = self._sides()

    def _main(self) -> list[Node]:
        way = [self.end]
        while self.sources[way[-1].name]:
            way.append(self.sources[way[-1].name][self.choice(way[-1])])
        return way[::-1]

    def choice(self, n: Node) -> int:
        """Which of its arguments is on the main way."""
        sources = self.sources[n.name]
        open_ = [k for k in range(len(sources)) if not self.weighs(n, k)] or list(range(len(sources)))
        return max(open_, key=lambda k: (self.depth[sources[k].name], -k))

    def weighs(self, join: Node, k: int) -> bool:
        """Whether an argument of a product weighs the others: on the way it was one number a channel, or one a place."""
        sources = self.sources[join.name]
        if not multiplies(join) or len(sources) < 2:
            return False
        n, others = sources[k], {s.name for j, s in enumerate(sources) if j != k}
        while n.name not in others and len(self.sources[n.name]) == 1:
            if n.type.shape != join.type.shape and (all(s == 1 for s in n.type.spatial) or n.type.channels == 1):
                return True
            n = self.sources[n.name][0]
        return False

    def _forks(self) -> dict[str, int]:
        """Nodes beside the main way that only pass on what they read of it, to several: sides begin behind them."""
        readers: dict[str, int] = {}
        for n in self.nodes:
            for s in self.sources[n.name]:
                readers[s.name] = readers.get(s.name, 0) + 1
        passed: dict[str, int] = {}
        found: dict[str, int] = {}
        for n in self.nodes:
            sources = self.sources[n.name]
            if n.name in self.place or len(sources) != 1 or works(n):
                continue
            place = self.place.get(sources[0].name, passed.get(sources[0].name))
            if place is not None:
                passed[n.name] = place
                if readers.get(n.name, 0) > 1:
                    while n.name in passed:  # and what leads to it
                        found[n.name] = place
                        n = self.sources[n.name][0]
        return found

    def _sides(self) -> list[Side]:
        forks = self._forks()
        starts = self.place | forks
        group: dict[str, str] = {n.name: n.name for n in self.nodes if n.name not in starts}

        def root(name: str) -> str:
            while group[name] != name:
                group[name] = name = group[group[name]]
            return name

        for name in group:
            for s in self.sources[name]:
                if s.name in group:
                    group[root(s.name)] = root(name)
        ends: dict[str, list[tuple[int, int]]] = {}
        again: list[Side] = []
        for j, n in enumerate(self.main[1:], 1):
            taken = self.sources[n.name].index(self.main[j - 1])
            for k, s in enumerate(self.sources[n.name]):
                if s.name in group:
                    ends.setdefault(root(s.name), []).append((j, k))
                elif k != taken:
                    again.append(Side((), (starts[s.name],), ((j, k),)))
        members: dict[str, list[Node]] = {}
        for n in self.nodes:
            if n.name in group:
                members.setdefault(root(n.name), []).append(n)
        public = {self.graph.maker[v].name: name for name, v in self.graph.outputs}
        found = [Side(tuple(nodes), tuple(sorted({starts[s.name] for n in nodes for s in self.sources[n.name]
                                                  if s.name in starts})),
                      tuple(ends.get(r, ())), tuple(public[n.name] for n in nodes if n.name in public))
                 for r, nodes in members.items()]
        return found + again


def main_output(graph: Graph) -> Node:
    """The maker of the output that most is made for."""
    makers = [graph.maker[v] for _, v in graph.outputs] or [graph.nodes[-1]]
    return max(makers, key=lambda n: len(made_from(graph, n))) if len(makers) > 1 else makers[0]


def made_from(graph: Graph, n: Node) -> set[str]:
    """A node and all that it is made from."""
    found: set[str] = set()
    stack = [n]
    while stack:
        node = stack.pop()
        if node.name not in found:
            found.add(node.name)
            stack += [graph.maker[v] for v in node.inputs]
    return found


def places(n: Node) -> int | None:
    """How many places an image of it has; None where that is not known."""
    return None if None in n.type.spatial else prod(s for s in n.type.spatial if s is not None)


def common_scope(names: Collection[str]) -> str:
    """The innermost scope that all nodes of these names lie in."""
    parts = [name.split(".")[:-1] for name in names]
    shared = []
    for level in zip(*parts):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return ".".join(shared)
