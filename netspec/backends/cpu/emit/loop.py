"""Source of a `loop` step: whatever no other family recognises, as plain nested loops over single numbers in float64.

Right for every formula, fast for none. An item is one image, or the whole step where the result has no batch.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ....ir.formula import Access, Formula, Pieces, Random, access, in_bounds, spell
from ....ir.graph import Node, Value, images_of
from ....ir.layout import Image, Layout, Packed
from ....ir.types import TensorType
from ..families.step import step_of
from .expressions import source
from .lanes import Emitted, kernel_text

WORDS = 5


def emit_loop(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    step = step_of(node)
    writer = _Loops(values, node, dtype)
    body = []
    for n in step.nodes:
        for k, (f, inputs) in enumerate(n.formulas):
            body += writer.formula(n, f, inputs, k == 0, isinstance(n.op, Pieces))
    head = ["args, images, N = at(row, 8), at(row, 9), float(at(row, 4))", "n = item",
            *(f"z{k} = at(row, {16 + k})" for k in range(len(writer.sizes)))]
    name, text = kernel_text("loop", [*head, *body, "return 0"], dtype, lanes)
    return Emitted(name, text, tuple(writer.operands), (), tuple(writer.sizes))


class _Loops:
    def __init__(self, values: Mapping[str, Value], node: Node, dtype: str):
        self.item = 8 if dtype == "float64" else 4
        step = step_of(node)
        near = {i: values[i] for n in step.nodes for i in n.inputs if i in values} | {v.name: v for v in node.results}
        self.types: dict[str, TensorType] = {k: v.type for k, v in near.items()} | {v.name: v.type for n in step.nodes
                                                                                    for v in n.results}
        self.layouts: dict[str, Layout | None] = {k: v.layout for k, v in near.items()}
        self.operands: dict[str, int] = {}
        self.sizes: list[int] = []  # extents, which the row tells: literal ones would be unrolled
        self.whole = node.type.batch == 0

    def size(self, extent: int) -> str:
        if extent not in self.sizes:
            self.sizes.append(extent)
        return f"z{self.sizes.index(extent)}"

    def base(self, v: str) -> str:
        k = self.operands.setdefault(v, len(self.operands))
        return f"at(args, {WORDS * k})"

    def address(self, v: str, a: Access, names: dict[str, str]) -> str:
        """The address of one element, all strides literal."""
        t, layout = self.types[v], self.layouts[v]
        if isinstance(layout, Image):
            batch = spell(a.axes[0], names)
            c = spell(a.axes[1], names) if len(a.axes) > 1 else "0"
            out = [self.base(v), f"({batch}) * {layout.image}"]
            out.append(f"({c}) // {layout.lanes} * {layout.block} + ({c}) % {layout.lanes} * {layout.item}" if layout.block
                       else f"({c}) * {layout.item}")
            strides = (layout.plane, layout.row, layout.pixel)
            out += [f"({spell(x, names)}) * {s}" for x, s in zip(a.axes[2:], strides[3 - len(a.axes[2:]):]) if x.terms or x.const]
            return " + ".join(out)
        assert not isinstance(layout, Packed), f"%{v} is stored for contractions; a plain loop cannot read it"
        out, step = [self.base(v)], self.item
        terms = []
        for x, s in zip(a.axes[::-1], t.shape[::-1]):
            if x.terms or x.const:
                terms.append(f"({spell(x, names)}) * {step}")
            step *= s or 1
        return " + ".join([*out, *terms])

    def formula(self, n: Node, f: Formula, inputs: tuple[str, ...], first: bool, pieces: bool) -> list[str]:
        bound = dict(zip(f.operands, inputs))
        extents = f.extents(tuple(self.types[i] for i in inputs), () if pieces else tuple(v.type for v in n.results))
        names = {i: "n" if i == "n" else f"{i}_" for i in f.indices}
        target = f.target
        result = n.results[0].name
        scatter = any(not a.bare and a.terms for a in target.axes) or pieces
        outer = [i for i in (f.indices if scatter else target.indices) if i != "n" and not (i in f.reduced and not scatter)]
        inner = [i for i in f.reduced if i not in outer]
        if not self.whole:
            inner = [i for i in inner if i != "n"]
        lines: list[str] = []
        kept = [v for v in n.results if v.name in self.layouts]
        if first:
            for v in kept:
                layout = self.layouts[v.name]
                if isinstance(layout, Image):
                    each = v.type.batch // images_of(n, self.types) if not self.whole else 1  # images of the result for each n
                    lines.append(
                        f"clear({self.base(v.name)} + n * {each * layout.image} - {layout.origin - layout.plus}, {each * layout.image})")
                elif scatter:
                    lines.append(f"clear({self.base(v.name)}, {layout.size * self.item if layout else 0})")
        pad = ""

        def loop(i: str) -> None:
            nonlocal pad
            lines.append(f"{pad}for {names[i]} in range({'images' if i == 'n' else self.size(extents[i])}):")
            pad += "    "

        for i in outer:
            loop(i)
        place = len(f.targets) > 1
        start = {"+=": "0.0", "max=": "-inf", "=": "0.0"}[f.how]
        if not scatter:
            lines.append(f"{pad}y = {start}")
            if place:
                lines.append(f"{pad}place = 0.0")
        base_pad = pad
        for i in inner:
            loop(i)
        guards = self.guards(f, bound, result, extents, names)
        if guards:
            lines.append(f"{pad}if {' and '.join(guards)}:")
            pad += "    "

        def read(s: ast.Subscript) -> str:
            v = bound[s.value.id]  # type: ignore[attr-defined]
            return f"float(get({self.address(v, access(s), names)}))"

        def random(r: Random) -> str:
            key, first = (f"get_i64({self.base(bound[v])})" for v in (r.key, r.first))
            return f"float(uniform_at({key}, {spell(r.index, names)} + {r.example} * {first}))"

        value = source(f.right, read, lambda i: names.get(i, i), random, "")
        if scatter:
            where = self.address(result, target, names)
            lines.append(f"{pad}to = {where}")
            lines.append(f"{pad}put(to, number({value}))" if f.how == "="
                         else f"{pad}put(to, number(float(get(to)) + ({value})))")
            return lines
        if f.how == "=":
            lines.append(f"{pad}y = {value}")
        elif f.how == "+=":
            lines.append(f"{pad}y += {value}")
        else:
            lines.append(f"{pad}x = {value}")
            lines.append(f"{pad}if x > y or (x != x and y == y):")
            lines.append(f"{pad}    y = x")
            if place:
                number = "0"
                for i in f.reduced:
                    number = names[i] if number == "0" else f"({number}) * {extents[i]} + {names[i]}"
                lines.append(f"{pad}    place = float({number})")
        for v, what in zip(n.results, ("y", "place")):
            if v.name in self.layouts:
                lines.append(f"{base_pad}put({self.address(v.name, target, names)}, number({what}))")
        return lines

    def guards(self, f: Formula, bound: dict[str, str], result: str, extents: dict[str, int], names: dict[str, str]) -> list[str]:
        """Conditions that keep every read (and write) in bounds."""
        axes = [(x, size) for a in (*f.reads, f.target) for t in (self.types[bound.get(a.name, result)],)
                for x, size in zip(a.axes[1:] if t.batch else a.axes, t.shape) if x.terms
                and not any(i == "n" for i, _ in x.terms)]
        return in_bounds(axes, extents, names, str)
