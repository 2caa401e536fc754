"""A deep network with most of its repetitions taken out: what it computes is another thing, and its kernels are the same.

    repeat 1000: residual: ...      becomes      repeat 5: residual: ...

Layers repeat where node after node has the operation, the types and the parameters of the one a period before, and reads what
lies as far back. What reads a node that is taken out reads the one that stands for it in the last repetition before.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ....ir.graph import Graph, Node

# repetitions, and those of them before the cut: the first and the last have other neighbours, and steps join over borders
KEPT, BEFORE = 5, 3
LEAST = 16  # a piece is more than this part of the nodes
LOOKED = 8  # distances tried, and places before that a node is compared with


def shorten(graph: Graph) -> Graph:
    """Of a graph in which nothing repeats more than KEPT times, itself."""
    alike = _alike(graph)
    stands = {v: v for v in graph.values}  # for a value that is taken out, the one read in its place
    nodes = list(graph.nodes)
    while (cut := _longest(alike)) is not None:
        first, end, period = cut
        for k in range(first, end):
            for gone, left in zip(nodes[k].results, nodes[first - period + (k - first) % period].results):
                stands[gone.name] = left.name
        del nodes[first:end], alike[first:end]
    if len(nodes) == len(graph.nodes):
        return graph

    def standing(v: str) -> str:
        while stands[v] != v:
            v = stands[v]
        return v

    return graph.with_nodes([replace(n, inputs=tuple(map(standing, n.inputs))) for n in nodes],
                            outputs=tuple((public, standing(v)) for public, v in graph.outputs))


def _alike(graph: Graph) -> list[int]:
    """A number for each node, equal for nodes that differ in their names only."""
    at = {v.name: (k, r) for k, n in enumerate(graph.nodes) for r, v in enumerate(n.results)}
    numbers: dict[object, int] = {}
    return [numbers.setdefault(_key(n, tuple((k - at[i][0], at[i][1]) for i in n.inputs)), len(numbers))
            for k, n in enumerate(graph.nodes)]


def _key(n: Node, reads: tuple[tuple[int, int], ...]) -> object:
    parameters = tuple(replace(p, name=p.name.rsplit(".", 1)[-1], within="") for p in n.parameters)
    return n.op, reads, tuple(v.type for v in n.results), parameters, n.attrs


def _longest(alike: list[int]) -> tuple[int, int, int] | None:
    """The most that can be taken out in one piece: where it begins and ends, and how many nodes a repetition has. None where
    it would be little."""
    best, most = None, len(alike) // LEAST
    for period in _periods(alike):
        since = 0  # how many nodes in a row are as the one a period before
        for k in range(period, len(alike) + 1):
            if k < len(alike) and alike[k] == alike[k - period]:
                since += 1
                continue
            extra = since // period + 1 - KEPT
            if extra * period > most:
                start = k - since + (BEFORE - 1) * period
                best, most = (start, start + extra * period, period), extra * period
            since = 0
    return best


def _periods(alike: list[int]) -> list[int]:
    """The distances at which nodes are most often alike."""
    seen: dict[int, list[int]] = {}
    distances: Counter[int] = Counter()
    for k, number in enumerate(alike):
        places = seen.setdefault(number, [])
        distances.update(k - j for j in places)
        places[:] = [*places[1 - LOOKED:], k]
    return [d for d, _ in distances.most_common(LOOKED)]
