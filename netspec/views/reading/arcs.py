"""The arcs of a diagram: what each is to the eye.

`data` is what a layer works on. `skip` is data that goes round what others of a join go through, on its whole way: a residual's
shortcut with its projection, the crop of a U-Net, a gate's own input. `reference` is no data: a layer takes a size from it, or
places. Which way is the short one is seen between a join and the last node that all ways to it go through, its dominator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from ...ir.graph import Graph, Node

Kind = Literal["data", "skip", "reference"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Drawn = Mapping[str, tuple[str, ...]]  # of each node, the values that its arcs start from
START = ""  # before all inputs
WORKS = ("convolution", "dense", "pooling")  # what a way must go through to be more than a move of numbers


def kinds(graph: Graph, drawn: Drawn) -> dict[tuple[str, int], Kind]:
    """What the arc to each argument of each node is."""
    found: dict[tuple[str, int], Kind] = {(n.name, k): "reference" if k and refers(n) else "data" for n in graph
                                          for k in range(len(drawn[n.name]))}
    arguments = {n.name: [(graph.maker[v].name, k) for k, v in enumerate(drawn[n.name]) if found[n.name, k] == "data"]
                 for n in graph}
    forks = dominators({name: [s for s, _ in read] for name, read in arguments.items()})
    rounds = _Rounds(graph, arguments)
    for n in graph:
        if len(arguments[n.name]) > 1 and forks[n.name] != START and getattr(n.op, "category", "") == "merge":
            for node, k in rounds.of(n, forks[n.name]):
                found[node, k] = "skip"
    return found


def dominators(before: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Of each node the last one that all ways to it go through, START if there is none. `before` has the nodes of a graph without
    circles in order, each with those that lead to it (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm", 2001)."""
    last, depth = {START: START}, {START: 0}
    for node, sources in before.items():
        a, *others = sources or [START]
        for b in others:
            while a != b:
                if depth[a] < depth[b]:
                    a, b = b, a
                a = last[a]
        last[node], depth[node] = a, depth[a] + 1
    return last


def refers(n: Node) -> str:
    """What a node takes from all that it reads after the first, where those are no data: "size"."""
    return str(getattr(n.op, "refers", ""))


class _Rounds:
    """Finds what goes round the main ways to joins. `arguments` are the nodes that each node's data come from, and which argument
    each is."""

    def __init__(self, graph: Graph, arguments: Mapping[str, Sequence[tuple[str, int]]]):
        self.arguments = arguments
        self.place = {n.name: k for k, n in enumerate(graph)}
        self.works = {n.name for n in graph if getattr(n.op, "category", "") in WORKS}
        self.readers: dict[str, set[str]] = {name: set() for name in arguments}
        for name, read in arguments.items():
            for source, _ in read:
                self.readers[source].add(name)
        for _, v in graph.outputs:
            self.readers[graph.maker[v].name].add("")  # the world

    def of(self, join: Node, fork: str) -> list[tuple[str, int]]:
        """The arguments, of the join and on the way to it, through which something goes round the join's main way, the longest.
        Where something else comes off a way, what lies before is not of that way alone, and no skip."""
        arguments = self.arguments[join.name]
        ways = [self.between(fork, source) for source, _ in arguments]
        shared = {node for k, way in enumerate(ways) for other in ways[k + 1:] for node in way & other}
        long = [self.longest(way) for way in ways]
        most = max(range(len(ways)), key=lambda k: (long[k], len(ways[k]), -k))
        found = []
        for k, (way, (_, argument)) in enumerate(zip(ways, arguments)):
            own = way - shared
            short = not own & self.works if getattr(join.op, "gathers", False) else long[k] < long[most] or not way
            if k != most and short:
                found.append((join.name, argument))
                found += [(node, a) for node in self.alone(own, join.name) for _, a in self.arguments[node]]
        return found

    def between(self, fork: str, source: str) -> set[str]:
        """The nodes on all ways from the fork, which is not among them, to this one, which is."""
        found: set[str] = set()
        stack = [source]
        while stack:
            node = stack.pop()
            if node != fork and node not in found:
                found.add(node)
                stack += [s for s, _ in self.arguments[node]]
        return found

    def longest(self, way: set[str]) -> int:
        """How many layers that compute lie one after the other among these nodes, at most."""
        long: dict[str, int] = {}
        for name in sorted(way, key=self.place.__getitem__):
            long[name] = (name in self.works) + max((long.get(s, 0) for s, _ in self.arguments[name]), default=0)
        return max(long.values(), default=0)

    def alone(self, way: set[str], join: str) -> set[str]:
        """Those of these nodes that lead to this join and nowhere else."""
        found = {join}
        for name in sorted(way, key=self.place.__getitem__, reverse=True):
            if self.readers[name] <= found:
                found.add(name)
        return found - {join}


def drawn_inputs(graph: Graph, n: Node) -> tuple[str, ...]:
    """What a node's arcs start from. A concat that repeats all of an earlier concat's inputs and adds to them is drawn
    from that concat: dense blocks read as a chain, and mean the same. What an unpooling reads of a pool is drawn from it."""
    if refers(n) == "places":
        undone = getattr(n.op, "of", None)
        return n.inputs[0], next(r.results[0].name for r in graph.readers[n.inputs[1]] if r.op == undone)
    if not getattr(n.op, "gathers", False):
        return n.inputs
    best: Node | None = None
    for reader in graph.readers[n.inputs[0]]:
        if reader is n:
            break
        if reader.op == n.op and len(reader.inputs) > 1 and n.inputs[:len(reader.inputs)] == reader.inputs:
            best = reader
    return n.inputs if best is None else (best.results[0].name, *n.inputs[len(best.inputs):])
