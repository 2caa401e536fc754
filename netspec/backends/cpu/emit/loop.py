"""Source of a `loop` step: whatever no other family recognises, as plain nested loops over single numbers in float64.

Right for every formula, fast for none. An item is one image, or the whole step where the result has no batch.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from ....ir.formula import Access, Formula, Pieces, Random, access, in_bounds, spell
from ....ir.graph import Node, Value, images_of
from ....ir.layout import Image, Layout, Packed, Vector
from ....ir.types import TensorType
from ..families.step import step_of
from ..row import IMAGES, OPERANDS
from .expressions import source
from .lanes import Emitted, kernel_text
from .text import SAMPLE_COUNT, operand_word, told, told_sizes


def emit_loop(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    step = step_of(node)
    writer = _Loops(values, node, dtype)
    body = []
    for n in step.nodes:
        for k, (f, inputs) in enumerate(n.formulas):
            body += writer.formula(n, f, inputs, k == 0, isinstance(n.op, Pieces))
    sizes = told_sizes(f"z{k}" for k in range(len(writer.sizes)))
    head = [told(args=OPERANDS, images=IMAGES, N=SAMPLE_COUNT), "n = item", *sizes]
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
        return f"{operand_word(k)}"

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
        """The lines of one formula: loops over the places it writes, and inside them over what it sums. Where it writes at
        compound places (or a part of them: `pieces`), every term is added where it goes, into what was cleared before."""
        bound = dict(zip(f.operands, inputs))
        extents = f.extents(tuple(self.types[i] for i in inputs), () if pieces else tuple(v.type for v in n.results))
        names = {i: "n" if i == "n" else f"{i}_" for i in f.indices}
        scatter = any(not a.bare and a.terms for a in f.target.axes) or pieces
        outer = [i for i in (f.indices if scatter else f.target.indices) if i != "n"]
        inner = [i for i in f.reduced if i not in outer and not (i == "n" and not self.whole)]
        lines = self.cleared(n, scatter) if first else []
        lines += self.loops(outer, names, extents, 0)
        pad = "    " * len(outer)
        if not scatter:
            lines.append(f"{pad}y = {'-inf' if f.how == 'max=' else '0.0'}")
            if len(f.targets) > 1:
                lines.append(f"{pad}place = 0.0")
        lines += self.loops(inner, names, extents, len(outer))
        deep = "    " * (len(outer) + len(inner))
        guards = self.guards(f, bound, n.results[0].name, extents, names)
        if guards:
            lines.append(f"{deep}if {' and '.join(guards)}:")
            deep += "    "
        value = self.value(f, bound, names)
        if scatter:
            into = value if f.how == "=" else f"float(get(to)) + ({value})"
            return [*lines, f"{deep}to = {self.address(n.results[0].name, f.target, names)}", f"{deep}put(to, number({into}))"]
        lines += [deep + line for line in _gathered(f, value, names, extents)]
        return lines + [f"{pad}put({self.address(v.name, f.target, names)}, number({what}))"
                        for v, what in zip(n.results, ("y", "place")) if v.name in self.layouts]

    def cleared(self, n: Node, scatter: bool) -> list[str]:
        """Zeros where results go: around an image, and everywhere if terms are added to what is there."""
        lines = []
        for v in n.results:
            layout = self.layouts.get(v.name)
            if isinstance(layout, Image):
                images = v.type.batch // images_of(n, self.types) if not self.whole else 1  # of the result, for each n
                size = images * layout.image
                lines.append(f"clear({self.base(v.name)} + n * {size} - {layout.origin - layout.plus}, {size})")
            elif scatter and isinstance(layout, Vector | Packed):
                lines.append(f"clear({self.base(v.name)}, {layout.size * self.item})")
        return lines

    def loops(self, indices: list[str], names: dict[str, str], extents: dict[str, int], depth: int) -> list[str]:
        return [f"{'    ' * (depth + k)}for {names[i]} in range({'images' if i == 'n' else self.size(extents[i])}):"
                for k, i in enumerate(indices)]

    def value(self, f: Formula, bound: dict[str, str], names: dict[str, str]) -> str:
        """The right side at one place, in float64."""

        def read(s: ast.Subscript) -> str:
            a = access(s)
            return f"float(get({self.address(bound[a.name], a, names)}))"

        def random(r: Random) -> str:
            key, first = (f"get_i64({self.base(bound[v])})" for v in (r.key, r.first))
            return f"float(uniform_at({key}, {spell(r.index, names)} + {r.example} * {first}))"

        return source(f.right, read, lambda i: names.get(i, i), random, "")

    def guards(self, f: Formula, bound: dict[str, str], result: str, extents: dict[str, int], names: dict[str, str]) -> list[str]:
        """Conditions that keep every read (and write) in bounds."""
        axes = [(x, size) for a in (*f.reads, f.target) for t in (self.types[bound.get(a.name, result)],)
                for x, size in zip(a.axes[1:] if t.batch else a.axes, t.shape) if x.terms
                and not any(i == "n" for i, _ in x.terms)]
        return in_bounds(axes, extents, names, str)


def _gathered(f: Formula, value: str, names: dict[str, str], extents: dict[str, int]) -> list[str]:
    """One more term in y; of a maximum also its place, the number of what it goes over."""
    if f.how != "max=":
        return [f"y {f.how} {value}"]
    lines = [f"x = {value}", "if x > y or (x != x and y == y):", "    y = x"]
    if len(f.targets) > 1:
        number = "0"
        for i in f.reduced:
            number = names[i] if number == "0" else f"({number}) * {extents[i]} + {names[i]}"
        lines.append(f"    place = float({number})")
    return lines
