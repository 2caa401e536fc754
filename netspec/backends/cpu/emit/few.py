"""Source of a `places` step whose values have few channels, such as the loss of a map of two classes: the lanes are places.

A block of channels would be mostly padding there, and every sum over channels a sum across lanes. Instead some neighbouring
places of a row go together; each channel of theirs is a vector, read with strides, and all that the step computes stays
in registers. The last places of a row may be done twice, and count once.
"""

from __future__ import annotations

import ast

from ....ir.formula import Access, access
from ....ir.graph import Node
from ....ir.layout import Image
from ..families.places import Plan, extents_of
from ..row import BLOCKS, CHUNK, IMAGES, OPERANDS
from .expressions import source
from .frame import Frame
from .text import LANE_NUMBERS, SAMPLE_COUNT, operand_word, told, told_sizes


def are_few(plan: Plan, lanes: int) -> bool:
    """Whether no value fills half a block, and all is element by element or over channels."""
    channels = [plan.types[v].shape[0] or 0 for n in plan.nodes for v in (*n.inputs, n.name) if plan.types[v].batch]
    return max(channels) <= lanes // 2 and all(plan.form(n) in ("map", "reduce", "point") for n in plan.nodes)


class Few(Frame):
    """All formulas of a step, for as many places as there are lanes."""

    def fits(self) -> bool:
        """Whether a row has that many places."""
        return self.rows()[1] >= self.lanes

    def kernel(self) -> tuple[list[str], tuple[str, ...]]:
        rows, width, per_plane = self.rows()
        groups = -(-width // self.lanes)
        words = {k: self.word(k, v) for k, v in (("width", width), ("groups", groups), ("all", groups * rows),
                                                 ("height", per_plane))}
        lines = [x for n in self.plan.nodes for x in self.formula(n)]
        edges, outputs = self.edges()
        loop = [f"r, w = k // {words['groups']}, min(k % {words['groups']} * {self.lanes}, {words['width']} - {self.lanes})",
                f"d, h, again = r // {words['height']}, r % {words['height']}, float(k % {words['groups']} * {self.lanes} - w)",
                *self.tile_head, *lines]
        image = [*edges, *(f"{g} = splat64(0.0)" for g in self.totals.values()),
                 f"for k in range(piece * {words['all']} // pieces, (piece + 1) * {words['all']} // pieces):",
                 *("    " + x for x in loop)]
        after = [f"store({self.still(v)} + piece * {self.vector}, keep(splat(number(total({g}))), 1))"
                 for v, g in self.totals.items()]
        body = [told(args=OPERANDS, images=IMAGES, pieces=BLOCKS, chunk=CHUNK),
                "first, piece = item // pieces * chunk, item % pieces",
                *told_sizes(self.words), *self.head,
                "for n in range(first, min(images, first + chunk)):",
                *("    " + x for x in (*self.image_head, *image, *after)), "return 0"]
        return body, outputs

    def formula(self, n: Node) -> list[str]:
        """A register for each channel of a result, stored where the step stores it."""
        f = n.formula
        form, lane = self.plan.form(n), self.plan.lane(n)
        out: list[str] = []
        terms = []
        for c in range(extents_of(n, self.plan.types)[lane] if lane else 1):
            text = self.expression(n, c, out)
            terms.append(self.register(text if f.reads else f"splat({text})", out))
        if form == "reduce":
            whole = terms[0]
            for t in terms[1:]:
                whole = self.register(f"maximum({whole}, {t})" if f.how == "max=" else f"{whole} + ({t})", out)
            terms = [whole]
        if n.name in self.totals:
            g = self.totals[n.name]
            self.head[f"numbers = {LANE_NUMBERS}"] = None
            return [*out, f"{g} = {g} + to_float64(where(numbers < again, 0.0, {terms[0]}))"]
        self.locals |= {f"{n.name} {c}": t for c, t in enumerate(terms)}
        if n.name in self.results:
            out += [f"for p in range({self.lanes}):", f"    store({self.base(n.name)} + {self.vector} * p, splat(0.0))"]
            out += [f"scatter({self.base(n.name)} + {self.item * c}, {self.vector}, {t})" for c, t in enumerate(terms)]
        return out

    def register(self, text: str, out: list[str]) -> str:
        """The register that holds what a text computes; a text is computed once."""
        if text.isidentifier():
            return text
        if text not in self.loaded:
            self.fresh += 1
            self.loaded[text] = f"v{self.fresh}"
            out.append(f"v{self.fresh} = {text}")
        return self.loaded[text]

    def expression(self, n: Node, c: int, out: list[str]) -> str:
        f = n.formula
        bound = dict(zip(f.operands, n.inputs))
        lane = self.plan.lane(n)

        def read(s: ast.Subscript) -> str:
            return self.read(bound[s.value.id], access(s), c, out)  # type: ignore[attr-defined]

        def number(i: str) -> str:
            if i == "N":
                self.head[f"N = {SAMPLE_COUNT}"] = None
            return f"{c}.0" if i == lane else i

        return source(f.right, read, number, lambda r: "0.0")

    def read(self, v: str, a: Access, c: int, out: list[str]) -> str:
        """Channel c of a value at all the places, or the one number it has."""
        t = self.plan.types[v]
        if not t.batch:
            k = self.operand(v)
            at = c if a.axes[0].terms else 0
            self.head[f"u{k}_{at} = splat(get({operand_word(k)} + {self.item * at}))"] = None
            return f"u{k}_{at}"
        at = c if a.axes[1].terms else 0
        if f"{v} {at}" in self.locals:
            return self.locals[f"{v} {at}"]
        if len(t.shape) - 1 < len(self.plan.domain):
            return self.register(f"splat(get({self.still(v)} + {self.item * at}))", out)
        layout = self.layouts[v]
        assert isinstance(layout, Image)
        near = layout.pixel == self.item
        return self.register(f"load({self.base(v)})" if near else f"gather({self.base(v)} + {self.item * at}, {layout.pixel})",
                             out)
