"""The boxes of a folded outline and the arcs between them, which every drawing of a graph shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...ir.graph import Graph, Node
from .arcs import KINDS, Drawn, Kind, kinds
from .steps import Closed, Group, Item, Port, Step, leaves


def stands_for(items: Sequence[Item]) -> dict[str, list[Step]]:
    """Of each step that is drawn: all that its box stands for, itself first. Every turn is drawn as the first."""
    found: dict[str, list[Step]] = {}
    box: dict[str, str] = {}

    def walk(items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Step):
                box[item.name] = item.name
                found[item.name] = [item]
            elif isinstance(item, Group):
                walk(item.items)
            else:
                walk(item.turns[0])
                for turn in item.turns[1:]:
                    for a, b in zip(leaves(item.turns[0]), leaves(turn)):
                        box[b.name] = box[a.name]
                        found[box[a.name]].append(b)

    walk(items)
    return found


def drawn(items: Sequence[Item]) -> Iterator[Step]:
    """The steps that have a box."""
    for item in items:
        if isinstance(item, Step):
            yield item
        else:
            yield from drawn(item.items if isinstance(item, Group) else item.turns[0])


def arcs_between(graph: Graph, items: Sequence[Item], sources: Drawn,
                 known: Mapping[tuple[str, int], Kind] | None = None) -> dict[tuple[str, str, Kind], Node]:
    """From which box to which, and of which kind: each once, with the node that reads. Of turns that are repeated those of the
    first are told, whose boxes stand for all. `sources` are the values that each node's arcs start from. Of what leads from
    one box to another into a closed block or out of it, one arc is told. `known` are the kinds of the graph's arcs, if somebody
    has found them."""
    kind = kinds(graph, sources) if known is None else known
    box = {v.name: name for name, stood in stands_for(items).items() for s in stood for n in s.nodes for v in n.results}
    place = {step.name: k for k, step in enumerate(drawn(items))}
    found: dict[tuple[str, str, Kind], Node] = {}
    for step in drawn(items):
        for n in () if isinstance(step, Port) else step.nodes:
            for k, v in enumerate(sources[n.name]):
                if v in box and place[box[v]] < place[step.name]:
                    found.setdefault((box[v], step.name, kind[n.name, k]), n)
    blocks = {step.name for step in drawn(items) if isinstance(step, Closed)}
    kept: dict[tuple[str, str], Kind] = {}
    for source, target, what in found:  # of several the one that matters most
        kept[source, target] = min(what, kept.get((source, target), what), key=KINDS.index)
    return {(s, t, k): n for (s, t, k), n in found.items() if kept[s, t] == k or not blocks & {s, t}}
