"""Let a concatenation's parts lie in its own buffer, so that nothing is copied.

    %a, %b -> concat -> %y        %a and %b become views of %y's buffer: whole blocks of channels, side by side

In a dense chain every concatenation is the beginning of the next: all of them, and all their parts, share the last
one's buffer. A part that something else already placed, or that is not written block by block, is copied as before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ....ir.formula import Pieces
from ....ir.graph import Graph, Node
from ....ir.layout import Image, Layout
from ..families.step import Step

WRITERS = ("gather", "lanes", "places")  # steps that write block by block, at any strides


@dataclass(frozen=True)
class Part:
    value: str
    start: int  # first channel
    count: int


def place_views(graph: Graph, layouts: dict[str, Layout]) -> tuple[dict[str, Layout], dict[str, tuple[str, ...]]]:
    """-> layouts with views, and for each concatenation (by node) the inputs that already lie in place."""
    return _Views(graph, layouts).run()


@dataclass
class _Views:
    graph: Graph
    layouts: dict[str, Layout]
    at: dict[str, tuple[str, int]] = field(default_factory=dict)  # value -> (root, first channel in it)

    def run(self) -> tuple[dict[str, Layout], dict[str, tuple[str, ...]]]:
        joins = {n.name: parts for n in self.graph.nodes if (parts := self.parts(n)) is not None}
        for name in reversed(joins):
            if name not in self.at:
                later = next((r for r, parts in joins.items() if r != name and r in {root for root, _ in self.at.values()}
                              and parts[:len(joins[name])] == joins[name]
                              and self.fits(Part(name, 0, self.image(name).channels), r)), None)
                if later is not None:
                    self.at[name] = (later, 0)
            root, first = self.at.get(name, (name, 0))
            for p in joins[name]:
                whole = replace_start(p, first)
                if p.value not in self.at and p.value not in {r
                                                              for r, _ in self.at.values()} and self.eligible(
                                                                  p.value) and self.fits(whole, root):
                    self.at[p.value] = (root, whole.start)
        layouts = dict(self.layouts)
        for root in dict.fromkeys(r for r, _ in self.at.values()):
            self.lay(root, layouts)
        placed = {name: tuple(p.value for p in parts if self.at.get(p.value)
                              == (self.at.get(name, (name, 0))[0], self.at.get(name, (name, 0))[1] + p.start))
                  for name, parts in joins.items()}
        return layouts, placed

    def parts(self, n: Node) -> list[Part] | None:
        """The parts of a concatenation of whole blocks of channels."""
        if not isinstance(n.op, Step) or n.op.kind != "lanes" or not isinstance(n.op.nodes[0].op, Pieces):
            return None
        (node,) = n.op.nodes
        bound = node.pieces.bind(node.inputs)
        if any(f.target.axes[1].bare for f, _ in bound):
            return None
        return [Part(x, f.target.axes[1].const, self.image(x).channels) for f, (x,) in bound]

    def image(self, v: str) -> Image:
        layout = self.layouts[v]
        assert isinstance(layout, Image)
        return layout

    def eligible(self, v: str) -> bool:
        op = self.graph.maker[v].op
        return isinstance(op, Step) and op.kind in WRITERS and v not in op.sums and self.image(v).block > 0

    def fits(self, p: Part, root: str) -> bool:
        """Whole blocks, or the very end of the root; planes of one size."""
        r, v = self.image(root), self.image(p.value)
        return (p.start % r.lanes == 0 and (p.count % r.lanes == 0 or p.start + p.count == r.channels) and r.block > 0
                and (v.extents, v.images, v.lanes) == (r.extents, r.images, r.lanes))

    def lay(self, root: str, layouts: dict[str, Layout]) -> None:
        """The root's buffer with the widest halo any of its views needs, and the views within it."""
        members = {v: first for v, (r, first) in self.at.items() if r == root}
        base = self.image(root)
        d, h, w = (max(self.image(v).halo[k] for v in (root, *members)) for k in range(3))
        row = (base.extents[2] + 2 * w) * base.pixel
        plane = (base.extents[1] + 2 * h) * row
        block = (base.extents[0] + 2 * d) * plane
        buffer = replace(base, halo=(d, h, w), row=row, plane=plane, block=block, image=-(-base.channels // base.lanes) * block)
        layouts[root] = buffer
        for v, first in members.items():
            layouts[v] = replace(buffer, channels=self.image(v).channels, plus=first // base.lanes * block, of=root)


def replace_start(p: Part, first: int) -> Part:
    return Part(p.value, p.start + first, p.count)
