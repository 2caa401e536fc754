"""Let a move's result and its operand be the same bytes, so that nothing is copied.

    y[n,c,v,h,w] = x[12*n+v,c,h,w]      %y lies where %x does: from view to view is from image to image
    x[12*n+v,c,h,w] = y[n,c,v,h,w]      %y, if nothing has placed it yet, is written where %x will be

Whoever writes the buffer clears its halo, so both agree on it beforehand (`share_halos`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from ....ir.graph import Graph, Node
from ....ir.layout import Image, Layout
from ....ir.moves import alias, common_places, move_of
from ..families.step import Step, step_of

Triple = tuple[int, int, int]


def moves(graph: Graph) -> list[Node]:
    """The formulas of a fused program's moves."""
    return [n.op.nodes[0] for n in graph.nodes if isinstance(n.op, Step) and n.op.kind == "move"]


def share_halos(graph: Graph, halo: Mapping[str, Triple]) -> dict[str, Triple]:
    """Halos with which both sides of a move can be one buffer: the wider of the two where an axis is the same."""
    out = dict(halo)
    every = moves(graph)
    for n in (*reversed(every), *every):
        f, (x,) = n.formula, n.inputs
        same = common_places(f.target, f.reads[0], _extents(n, graph))
        a, b = out.get(n.name, (0, 0, 0)), out.get(x, (0, 0, 0))
        wide = [max(p, q) if s else 0 for p, q, s in zip(a, b, same)]
        for v, own in ((n.name, a), (x, b)):
            out[v] = (max(own[0], wide[0]), max(own[1], wide[1]), max(own[2], wide[2]))
    return out


def place_moves(graph: Graph, layouts: Mapping[str, Layout]) -> tuple[dict[str, Layout], dict[str, tuple[str, ...]]]:
    """-> layouts with views, and for each move that runs nothing its operand."""
    return _Aliases(graph, dict(layouts)).run()


@dataclass
class _Aliases:
    graph: Graph
    layouts: dict[str, Layout]
    placed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def run(self) -> tuple[dict[str, Layout], dict[str, tuple[str, ...]]]:
        steps = [n for n in self.graph.nodes if isinstance(n.op, Step)]
        sums = {v for n in steps for v in step_of(n).sums}
        # buffers that something lies in already
        self.roots = {x.of for x in self.layouts.values() if isinstance(x, Image) and x.of}
        for n in moves(self.graph):
            (x,) = n.inputs
            f = n.formula
            extents = _extents(n, self.graph)
            types = self.graph.values[x].type, n.type
            move = move_of(f, types[:1], n.type)
            assert move is not None
            count = prod(move.extents)
            if x in sums or count != move.images[0] * n.type.size:
                continue
            used = count == move.images[1] * types[0].size
            there, here = self.image(x), self.image(n.name)
            if (view := alias(f.target, f.reads[0], extents, there, n.type, here.halo)) is not None:
                self.put(n.name, view, there.of or x)
            elif used and self.free(x) and (view := alias(f.reads[0], f.target, extents, here, types[0],
                                                          there.halo)) is not None and view.halo == here.halo:
                self.put(x, view, here.of or n.name)
            else:
                continue
            self.placed[n.name] = (x,)
        return self.layouts, self.placed

    def image(self, v: str) -> Image:
        layout = self.layouts[v]
        assert isinstance(layout, Image)
        return layout

    def free(self, v: str) -> bool:
        """Whether a value's place is still to choose, and its maker can write at any strides."""
        op = self.graph.maker[v].op
        return isinstance(op, Step) and op.kind in ("lanes", "places") and not self.image(v).of and v not in self.roots

    def put(self, v: str, view: Image, root: str) -> None:
        self.layouts[v] = replace(view, of=root)
        self.roots.add(root)


def _extents(n: Node, graph: Graph) -> dict[str, int]:
    f = n.formula
    return f.extents(tuple(graph.values[i].type for i in n.inputs), (n.type,))
