"""The arcs of a diagram: which boxes they join, and what each is to the eye."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Arc:
    """`backbone` is heavy and kept straight, `skip` jumps over something, `branch` is any other."""

    source: str
    target: str
    kind: Literal["backbone", "skip", "branch"]


@dataclass(frozen=True)
class Arcs:
    """The arcs between boxes. `reads` are the boxes each box reads, in the order they are drawn; what a box reads from
    itself, or from one that comes later (the turn before of a repeat), has no arc. `merges` are the boxes where arcs
    meet: True where the first one is the backbone (a residual's body), False where all are equals (concatenation)."""

    reads: Mapping[str, tuple[str, ...]]
    merges: Mapping[str, bool]

    def __iter__(self) -> Iterator[Arc]:
        place = {box: k for k, box in enumerate(self.reads)}
        for target, sources in self.sources.items():
            skips = {s for s in sources if target in self.merges and self.jumps(s, target)}
            for source in sources:
                if target in self.merges:
                    heavy = bool(skips) or (self.merges[target] and source == sources[0])
                else:
                    # more are branches, side by side
                    heavy = place[target] - place[source] == 1 and len(self.readers[source]) <= 2
                yield Arc(source, target, "skip" if source in skips else "backbone" if heavy else "branch")

    @cached_property
    def sources(self) -> dict[str, tuple[str, ...]]:
        place = {box: k for k, box in enumerate(self.reads)}
        return {box: tuple(dict.fromkeys(s for s in reads if place[s] < place[box])) for box, reads in self.reads.items()}

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {box: [] for box in self.reads}
        for box, sources in self.sources.items():
            for s in sources:
                found[s].append(box)
        return found

    @cached_property
    def before(self) -> dict[str, set[str]]:
        """Every box from which a way leads to this one, itself included."""
        found: dict[str, set[str]] = {}
        for box, sources in self.sources.items():
            found[box] = {box}.union(*(found[s] for s in sources))
        return found

    def jumps(self, source: str, target: str) -> bool:
        """A longer way leads from source to target as well."""
        return any(source in self.before[s] for s in self.sources[target] if s != source)


def drawn_inputs(graph: Graph, n: Node) -> tuple[str, ...]:
    """What a node's arcs start from. A concat that repeats all of an earlier concat's inputs and adds to them is drawn
    from that concat: dense blocks read as a chain, and mean the same."""
    if not getattr(n.op, "gathers", False):
        return n.inputs
    best: Node | None = None
    for reader in graph.readers[n.inputs[0]]:
        if reader is n:
            break
        if reader.op == n.op and len(reader.inputs) > 1 and n.inputs[:len(reader.inputs)] == reader.inputs:
            best = reader
    return n.inputs if best is None else (best.results[0].name, *n.inputs[len(best.inputs):])
