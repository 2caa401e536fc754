"""Nests that write at places their target names: sums that are pushed there, parts of one value, concatenations."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ....ir.graph import Node
from ....ir.layout import Image
from ..row import O_BLOCK, O_IMAGE, O_PLANE, O_ROW
from .nests import NestWriter
from .text import operand_word


@dataclass
class Scatter:
    """Such a nest, in the words of the writer of its text."""

    w: NestWriter

    def emit(self) -> None:
        node = self.w.nest.nodes[0]
        if self.w.nest.form == "push":
            self.push(node)
        elif all(f.target.axes[1].bare for f in node.pieces.parts):
            self.parts(node)
        else:
            self.piece(node)

    def push(self, n: Node) -> None:
        """Clear the result's planes, then add at compound places."""
        self.clear(n)
        self.scatter(n, self.w.extents[n.name], add=True)

    def clear(self, n: Node) -> None:
        """Zeros at every place of a result."""
        t, value = self.w.t, n.results[0].name
        layout = self.w.layouts[value]
        assert isinstance(layout, Image)
        rank = len(n.type.shape) - 1
        k, base = t.operand(value), self.w.base(value)
        places, pad = ["D", "H", "W"][3 - rank:], ""
        for i, s in zip(places, layout.extents[3 - rank:]):
            t.lines.append(f"{pad}for {i} in range({t.size(s)}):")
            pad += "    "
        offset = " + ".join([base, *(f"{i} * {operand_word(k, w)}" for i, w in zip(places[::-1][1:], (O_ROW, O_PLANE))),
                             f"{t.bytes} * W"])
        t.lines.append(f"{pad}store({offset}, splat(0.0))")

    def scatter(self, n: Node, extents: dict[str, int], add: bool) -> None:
        """Write a formula's value to the places its target names, added to what is there or instead of it."""
        f = n.formula
        target, value = f.target, n.results[0].name
        bare = next((r for r in (*f.reads, target) if len(r.axes) > 2 and None not in r.bare[2:]), None)
        outer = [str(i) for i in bare.bare[2:]] if bare else []
        inner_ix = [i for i in f.indices if i not in outer and i != "n" and i != target.axes[1].bare]
        if not outer and not add:  # a part of a plane: its own indices are the loops
            outer, inner_ix = inner_ix[-3:], inner_ix[:-3]
        self.w.loops = list("dhw"[3 - len(outer):]) if outer else []
        self.w.loaded = {}
        names = dict(zip(outer, self.w.loops)) | {i: i + "_" for i in inner_ix}
        inner: list[str] = []
        rows: dict[str, str] = {}
        value_text = self.w.masked(n, self.w.expression(n, inner, rows, names))
        body: list[str] = []
        pad = ""
        for i in inner_ix:
            body.append(f"{pad}for {names[i]} in range({self.w.window_size(f, i, extents)}):")
            pad += "    "
        guards = self.w.guards(n, names, extents)
        if guards:
            body.append(f"{pad}if {' and '.join(guards)}:")
            pad += "    "
        depends = [x for x in inner if any(names[i] in x for i in inner_ix)]
        ahead = [x for x in inner if x not in depends]
        where = self.w.place(value, target, names, rows)
        body += [*(pad + x for x in depends), f"{pad}to = {where}",
                 f"{pad}store(to, {f'load(to) + ({value_text})' if add else value_text})"]
        self.w.write_loops(tuple(extents[i] for i in outer), [], rows, [*ahead, *body], [])

    def parts(self, n: Node) -> None:
        """Parts of a plane, each written by a formula of its own."""
        bound = [(f, i, f.extents(tuple(self.w.types[x] for x in i), ())) for f, i in n.pieces.bind(n.inputs)]
        covered = sum(prod(tuple(e[i] for i in f.target.indices if i not in ("n", f.target.axes[1].bare)))
                      for f, _, e in bound)
        if covered != prod(tuple(s or 0 for s in n.type.shape[1:])):
            self.clear(n)
        for f, inputs, extents in bound:
            self.scatter(Node(n.name, f, inputs, n.results), extents, add=False)

    def piece(self, n: Node) -> None:
        """Copy whole blocks of channels from each part."""
        t = self.w.t
        value = n.results[0].name
        rank = len(n.type.shape) - 1
        self.w.loops = list("dhw"[3 - rank:])
        to = self.w.base(value)
        k = t.operand(value)
        loops = [(i, t.size(s or 0)) for i, s in zip(self.w.loops, n.type.shape[1:])]
        for f, (x,) in n.pieces.bind(n.inputs):
            start = f.target.axes[1].const // t.lanes
            blocks = -(-(self.w.types[x].shape[0] or 0) // t.lanes)
            j = t.operand(x)
            if x in self.w.placed:
                continue
            t.lines.append(f"if {start} <= b < {start + blocks}:")
            t.lines.append(
                f"    source = {operand_word(j)} + n * {operand_word(j, O_IMAGE)} + (b - {start}) * {operand_word(j, O_BLOCK)}")
            pad = "    "
            for i, s in loops:
                t.lines.append(f"{pad}for {i} in range({s}):")
                pad += "    "
            w = f" + {t.bytes} * w" if rank else ""
            near = " + ".join(f"{i} * {operand_word(k, q)}" for i, q in zip(self.w.loops[::-1][1:], (O_ROW, O_PLANE)))
            far = " + ".join(f"{i} * {operand_word(j, q)}" for i, q in zip(self.w.loops[::-1][1:], (O_ROW, O_PLANE)))
            t.lines.append(f"{pad}store({to}{' + ' + near if near else ''}{w}, load(source{' + ' + far if far else ''}{w}))")
