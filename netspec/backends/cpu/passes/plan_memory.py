"""Give every image a place in one arena, by liveness: what is dead makes room for what comes.

Places are bytes per sample, so one plan serves every batch. Vectors between steps and gradients lie in spaces of their
own that do not depend on the batch. The bytes of a plan are exactly those its backend allocates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....ir.graph import Graph, Value
from ....ir.intervals import first_fit
from ....ir.layout import Image, Layout, MemoryPlan, Packed, Vector, round_up
from ..families.step import Step

_ROUND = 64


@dataclass(frozen=True)
class plan_memory:  # noqa: N801
    """Fill in `at` of every layout, and the bytes of all (`Graph.memory`). `share=False` gives every value memory of its own,
    to look at or to test against."""

    share: bool = True

    def __call__(self, graph: Graph) -> Graph:
        return _place(graph, self.share)


def _place(graph: Graph, share: bool) -> Graph:
    layouts: dict[str, Layout] = {v.name: v.layout for n in graph.nodes for v in n.results if v.layout is not None}
    owner = _owners(graph)
    life = _lifetimes(graph, layouts, owner, {v for _, v in (*graph.outputs, *graph.gradients)})
    size_of = {b: round_up(_image(layouts[b]).bytes, _ROUND) for b in life}
    where, arena = first_fit({b: (size_of[b], *life[b]) for b in life}, share)
    vectors = scalars = 0
    for name, layout in list(layouts.items()):
        if isinstance(layout, Vector) and layout.space == "scalars":
            layouts[name] = replace(layout, at=scalars)
            scalars += 1
        elif isinstance(layout, Image):
            layouts[name] = layout.placed(where[owner.get(name, name)])
        elif isinstance(layout, Vector | Packed) and layout.space == "vectors" and layout.at < 0:
            layouts[name] = Vector(layout.size, layout.space, vectors) if isinstance(layout,
                                                                                     Vector) else replace(layout, at=vectors)
            vectors += round_up(layout.size, 16)
    nodes = [n.giving(tuple([Value(v.name, v.type, layouts.get(v.name)) for v in n.results])) for n in graph.nodes]
    return graph.with_nodes(nodes, memory=MemoryPlan(arena, sum(size_of.values()), vectors, scalars))


def _image(layout: Layout) -> Image:
    assert isinstance(layout, Image)
    return layout


def _owners(graph: Graph) -> dict[str, str]:
    """Sums of one step lie in one buffer, the first one's; views lie in the buffer they are a part of."""
    out = {s: n.op.sums[0] for n in graph.nodes if isinstance(n.op, Step) for s in n.op.sums}
    return out | {v.name: v.layout.of for n in graph.nodes for v in n.results if isinstance(v.layout, Image) and v.layout.of}


def _lifetimes(graph: Graph, layouts: dict[str, Layout], owner: dict[str, str], survive: set[str]) -> dict[str, tuple[int, int]]:
    """First and last step that touches each buffer. Inputs are there from the start, what survives until the end."""
    given = [v.name for n in graph.nodes if not isinstance(n.op, Step) for v in n.results]
    steps = [(*n.inputs, *[v.name for v in n.results]) for n in graph.nodes if isinstance(n.op, Step)]
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for k, touched in enumerate((given, *steps, survive), -1):
        for v in touched:
            if isinstance(layouts.get(v), Image):
                b = owner.get(v, v)
                first.setdefault(b, k)
                last[b] = k
    return {b: (first[b], last[b]) for b in first}
