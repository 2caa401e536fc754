"""Source of a `places` step: formulas that cross the channels of a place (softmax, cross-entropy, lrn, maxout, concat).

An item is a run of tiles of an image, a tile some places of a row. The step's sweeps run tile by tile; what one sweep makes
and another reads lies in the thread's scratch, the channels of a place side by side. Extents, strides and places in scratch
are words of the row, so that one kernel serves every size.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from math import prod

from ....ir.formula import Access, Axis, access
from ....ir.graph import Graph, Node
from ..families.places import Sweep, extents_of, pieces_of, plan_places
from ..row import BLOCKS, CHUNK, IMAGES, OPERANDS
from .expressions import keeps_zero, source
from .few import Few, are_few
from .frame import Frame
from .lanes import Emitted, kernel_text
from .text import LANE_NUMBERS, SAMPLE_COUNT, operand_word, told, told_sizes

UNROLLED = 8  # a longer window is a loop


@dataclass(frozen=True)
class EmittedPlaces(Emitted):
    """A kernel with what only the row of a places step says."""

    pieces: int = 1  # items of an image
    chunk: int = 1  # images of an item
    scratch: int = 0  # bytes


def emit_places(node: Node, graph: Graph, dtype: str, lanes: int) -> EmittedPlaces:
    """The kernel of a fused step. `graph` is the fused, laid out program."""
    item = 8 if dtype == "float64" else 4
    plan = plan_places(node, graph, lanes, item)
    near = {i: graph.values[i].layout for i in node.inputs} | {v.name: v.layout for v in node.results}
    arguments = plan, near, tuple(v.name for v in node.results), lanes, item
    few = Few(*arguments)
    w: _Writer | Few = few if are_few(plan, lanes) and few.fits() else _Writer(*arguments)
    body, outputs = w.kernel()
    name, text = kernel_text("places", body, dtype, lanes)
    pieces = pieces_of(plan, graph)
    chunk = max(1, 64 // max(1, plan.work)) if pieces == 1 else 1
    return EmittedPlaces(name, text, tuple(w.operands), outputs, tuple(w.words.values()), (), pieces, chunk, w.scratch)


class _Writer(Frame):
    """The sweeps of a step, one after another for each tile."""

    # ---- the frame ---------------------------------------------------------------------------------------------------------
    def kernel(self) -> tuple[list[str], tuple[str, ...]]:
        plan = self.plan
        rows, self.width, per_plane = self.rows()
        tile = plan.tile(self.width)
        self.room(tile)
        width, most, tiles, every = (self.word(k, v)
                                     for k, v in (("width", self.width), ("tile", tile), ("tiles", -(-self.width // tile)),
                                                                   ("all", -(-self.width // tile) * rows)))
        height = self.word("height", per_plane)
        lines = [x for n in plan.nodes for x in self.copies(n)]
        for s in plan.sweeps:
            lines += self.sweep(s)
        body = [told(args=OPERANDS, images=IMAGES, pieces=BLOCKS, chunk=CHUNK),
                "first, piece = item // pieces * chunk, item % pieces"]
        image: list[str] = [f"{g} = splat64(0.0)" for g in self.totals.values()]
        edges, outputs = self.edges()
        after = [f"store({self.still(v)} + piece * {self.vector}, keep(splat(number(total({g}))), 1))"
                 for v, g in self.totals.items()]
        body += [*told_sizes(self.words), *self.head]
        body.append("for n in range(first, min(images, first + chunk)):")
        image = [*self.image_head, *edges, *image, f"for k in range(piece * {every} // pieces, (piece + 1) * {every} // pieces):"]
        loop = [f"r, w = k // {tiles}, k % {tiles} * {most}", f"tile = min({most}, {width} - w)",
                f"d, h = r // {height}, r % {height}", *self.tile_head, *lines]
        body += ["    " + x for x in (*image, *("    " + x for x in loop), *after)]
        return [*body, "return 0"], outputs

    # ---- sweeps ------------------------------------------------------------------------------------------------------------
    def sweep(self, s: Sweep) -> list[str]:
        self.locals, self.loaded = {}, {}
        if s.kind == "points":
            return self.points(s)
        form = self.plan.form(s.nodes[0])
        if form == "pieces":
            return self.pieces(s.nodes[0])
        channels = self.word(f"of {self.name(s.nodes[0].name)}", s.channels)
        blocks = self.word(f"over {self.name(s.nodes[0].name)}", -(-s.channels // self.lanes))
        before: list[str] = []
        inner: list[str] = []
        after: list[str] = []
        ending: list[str] = []
        for n in s.nodes:
            form = self.plan.form(n)
            if form == "reduce":
                self.reduce(n, before, inner, after)
                ending += self.point_out(n.name) if n.name not in self.totals else []
            elif form == "push":
                before += [] if self.covers(n) else self.clearing(n.name)
                inner += self.push(n)
                ending += self.copy_out(n.name) if n.name in self.results else []
            else:
                inner += self.window(n) if form == "window" else self.map(n)
                for v in n.results:
                    inner += self.keep_value(v.name)
        left = f"left = {channels} - {self.lanes} * b"
        if after:  # the reductions of a place stay in registers
            lines = ["for p in range(tile):", *("    " + x for x in before), f"    for b in range({blocks}):", f"        {left}",
                     *("        " + x for x in inner), *("    " + x for x in after)]
        else:
            lines = [*before, f"for b in range({blocks}):", f"    {left}", "    for p in range(tile):",
                     *("        " + x for x in inner)]
        return lines + ending

    def keep_value(self, v: str) -> list[str]:
        """Stores of a register that leaves its sweep."""
        out = []
        if v in self.results:
            out.append(f"store({self.base(v)} + {self.place(v)} + b * {self.step(v)}, {self.locals[v]})")
        if v in self.plan.buffers:
            out.append(f"store({self.slot(v)} + {self.vector} * b, {self.locals[v]})")
        return out

    def register(self, prefix: str) -> str:
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def map(self, n: Node) -> list[str]:
        out: list[str] = []
        text = self.expression(n, out, {})
        v = self.locals[n.name] = self.register("v")
        return [*out, f"{v} = {self.masked(n, text)}"]

    def reduce(self, n: Node, before: list[str], inner: list[str], after: list[str]) -> None:
        f = n.formula
        text = self.expression(n, inner, {})
        total = self.totals.get(n.name)
        s = total or self.register("s")
        if f.how == "+=":
            inner.append(f"{s} = {s} + to_float64({self.masked(n, text)})")
        else:
            inner.append(f"{s} = maximum({s}, only({text}, left, -inf))")
        if total is None:
            before.append(f"{s} = {'splat64(0.0)' if f.how == '+=' else 'splat(-inf)'}")
            after.append(f"put(o{self.name(n.name)} + {self.item} * p, number({'total' if f.how == '+=' else 'largest'}({s})))")

    def points(self, s: Sweep) -> list[str]:
        """Between points alone the lanes are places."""
        inner: list[str] = []
        ending: list[str] = []
        for n in s.nodes:
            text = self.expression(n, inner, {})
            v = self.locals[n.name] = self.register("v")
            inner.append(f"{v} = {text}")
            if n.name in self.totals:
                g = self.totals[n.name]
                inner.append(f"{g} = {g} + to_float64(keep({v}, tile - q))")
            else:
                inner.append(f"store(o{self.name(n.name)} + {self.item} * q, {v})")
                ending += self.point_out(n.name)
        return [f"for q in range(0, tile, {self.lanes}):", *("    " + x for x in inner), *ending]

    def window(self, n: Node) -> list[str]:
        """Lanes of the result read other channels, one term after another."""
        f = n.formula
        extents = extents_of(n, self.plan.types)
        place, greatest = len(f.targets) > 1, f.how == "max="
        s = self.register("s")
        out = [f"{s} = splat({'-inf' if greatest else '0.0'})"] if f.how != "=" else []
        if place:
            out.append(f"{s}i = splat(0.0)")
        for names, number, lines, pad in self.terms(n, extents):
            out += lines
            inner: list[str] = []
            value = self.inside(n, self.expression(n, inner, names), names, extents)
            self.loaded = {}
            out += [pad + x for x in inner]
            if f.how == "=":
                out.append(f"{pad}{s} = {value}")
            elif f.how == "+=":
                out.append(f"{pad}{s} += {value}")
            elif place:
                out += [f"{pad}y = {value}", f"{pad}better = (y > {s}) | ((y != y) & ({s} == {s}))",
                        f"{pad}{s} = where(better, y, {s})", f"{pad}{s}i = where(better, splat({number}), {s}i)"]
            else:
                out.append(f"{pad}{s} = maximum({s}, {value})")
        for v, r in zip(n.results, (s, f"{s}i")):
            out.append(f"{r} = keep({r}, left)")
            self.locals[v.name] = r
        return out

    def terms(self, n: Node, extents: dict[str, int]) -> list[tuple[dict[str, str], str, list[str], str]]:
        """Each term of a window or scatter: names of its small indices, its number, and the loops around it."""
        small = self.plan.small(n)
        if prod(extents[i] for i in small) <= UNROLLED:
            every: list[dict[str, str]] = [{}]
            for i in small:
                every = [{**names, i: str(k)} for names in every for k in range(extents[i])]
            return [(names, f"{k}.0", [], "") for k, names in enumerate(every)]
        lines, pad, number = [], "", "0"
        for i in small:
            e = self.word(f"extent {i}", extents[i])
            lines.append(f"{pad}for {i}_ in range({e}):")
            pad += "    "
            number = f"{i}_" if number == "0" else f"({number}) * {e} + {i}_"
        return [({i: f"{i}_" for i in small}, f"float({number})", lines, pad)]

    def inside(self, n: Node, text: str, names: dict[str, str], extents: dict[str, int]) -> str:
        """The term where its reads are in bounds. A sum of plain reads needs no test: what lies outside is zero."""
        f = n.formula
        if f.how == "=" or (f.how == "+=" and isinstance(f.right, ast.Subscript)):
            return text
        c = str(f.target.axes[1].bare)
        tests: dict[str, None] = {}
        bound = dict(zip(f.operands, n.inputs))
        for r in f.reads:
            if len(r.axes) < 2 or r.axes[1].bare or not r.axes[1].terms:
                continue
            a, size = r.axes[1], self.channels(bound[r.name])
            low = a.const + sum(min(0, k * (extents[i] - 1)) for i, k in a.terms)
            high = a.const + sum(max(0, k * (extents[i] - 1)) for i, k in a.terms)
            where = f"({self.channel()} * {float(a.coefficient(c))!r} + float({self.offset(a, c, names)}))"
            if low < 0:
                tests[f"({where} >= 0.0)"] = None
            if high >= size:
                tests[f"({where} < float({self.left(bound[r.name])}))"] = None
        return f"where({' & '.join(tests)}, {text}, {'-inf' if f.how == 'max=' else '0.0'})" if tests else text

    def offset(self, a: Axis, c: str, names: dict[str, str]) -> str:
        """The channel that a subscript adds to the lane's own."""
        terms = [f"{k} * {names[i]}" if k != 1 else names[i] for i, k in a.terms if i != c]
        known = [x for x in terms if x.isdecimal()]
        if terms and len(known) == len(terms):
            return str(sum(map(int, known)) + a.const)
        if not terms:
            return self.word(f"shift {len(self.words)}", a.const)
        return " + ".join([*terms, str(a.const)])

    # ---- writes at other channels --------------------------------------------------------------------------------------------
    def clearing(self, v: str) -> list[str]:
        b = self.plan.buffers[v]
        each = self.word(f"each {self.name(v)}", (b.low + b.size) * self.item)
        low = self.word(f"low {self.name(v)}", b.low * self.item)
        return ["for p in range(tile):", f"    clear({self.slot(v)} - {low}, {each})"]

    def once(self, n: Node) -> bool:
        """Whether no two lanes or terms of a scatter meet."""
        f = n.formula
        a, c = f.target.axes[1], str(self.plan.lane(n))
        small = [i for i, _ in a.terms if i != c]
        free = [i for i in f.reduced if i not in small]
        return f.how == "=" or (not free
                                and (not small
                                     or (len(small) == 1 and a.coefficient(small[0]) == 1
                                         and extents_of(n, self.plan.types)[small[0]] <= a.coefficient(c))))

    def covers(self, n: Node) -> bool:
        a, c = n.formula.target.axes[1], str(self.plan.lane(n))
        extents = extents_of(n, self.plan.types)
        each = prod(extents[i] for i, _ in a.terms if i != c)
        return self.once(n) and a.const == 0 and each == a.coefficient(c) and each * extents[c] == self.channels(n.name)

    def push(self, n: Node) -> list[str]:
        f = n.formula
        c = str(self.plan.lane(n))
        a, step = f.target.axes[1], f.target.axes[1].coefficient(c)
        out: list[str] = []
        for names, _, lines, pad in self.terms(n, extents_of(n, self.plan.types)):
            out += lines
            inner: list[str] = []
            text = self.masked(n, self.expression(n, inner, names))
            self.loaded = {}
            out += [pad + x for x in inner]
            out.append(f"{pad}to = {self.slot(n.name)} + {step * self.vector} * b + {self.item} * ({self.offset(a, c, names)})")
            stride = f"to, {step * self.item}"
            put, got = (("store(to, ", "load(to)") if step == 1 else (f"scatter({stride}, ", f"gather({stride})"))
            out.append(f"{pad}{put}{text if self.once(n) else f'{got} + ({text})'})")
        return out

    def pieces(self, n: Node) -> list[str]:
        """Each part is copied whole vectors at a time; the zeros past its end are overwritten by the next. A number of a place
        that this step makes is put there alone."""
        v = n.name
        parts = sorted(n.pieces.bind(n.inputs), key=lambda p: p[0].target.axes[1].const)
        alone = [x for _, (x,) in parts if x in self.plan.points]
        whole = not alone and sum(self.channels(x) for _, (x,) in parts) == self.channels(v)
        out = [] if whole else self.clearing(v)
        for k, (f, (x,)) in enumerate(parts):
            to = f"{self.slot(v)} + {self.word(f'start {k} {self.name(v)}', f.target.axes[1].const * self.item)}"
            if x in alone:
                out += ["for p in range(tile):", f"    put({to}, get(o{self.name(x)} + {self.item} * p))"]
            else:
                out += [f"for b in range({self.blocks(x)}):", "    for p in range(tile):",
                        f"        store({to} + {self.vector} * b, {self.full(x)})"]
        return out + (self.copy_out(v) if v in self.results else [])

    # ---- expressions -------------------------------------------------------------------------------------------------------
    def masked(self, n: Node, text: str) -> str:
        """Zero in the lanes past the last channel: those of full values are, those of points and shifted reads are not."""
        f = n.formula
        lane = self.plan.lane(n)

        def zero(s: ast.Subscript) -> bool:
            a = access(s)
            return a.axes[min(1, len(a.axes) - 1)].bare == lane is not None

        return text if keeps_zero(f.right, zero) else f"keep({text}, left)"

    def channel(self) -> str:
        self.head[f"numbers = {LANE_NUMBERS}"] = None
        return f"(numbers + float({self.lanes} * b))"

    def expression(self, n: Node, inner: list[str], names: dict[str, str]) -> str:
        f = n.formula
        bound = dict(zip(f.operands, n.inputs))
        lane = self.plan.lane(n)

        def read(s: ast.Subscript) -> str:
            text = self.read(bound[s.value.id], access(s), lane, names)  # type: ignore[attr-defined]
            if text.isidentifier():
                return text
            if text not in self.loaded:
                self.loaded[text] = self.register("x")
                inner.append(f"{self.loaded[text]} = {text}")
            return self.loaded[text]

        def number(i: str) -> str:
            if i == "N":
                self.head[f"N = {SAMPLE_COUNT}"] = None
                return "N"
            if i == lane:
                self.head[f"numbers = {LANE_NUMBERS}"] = None
                line = f"channel = numbers + float({self.lanes} * b)"
                if "channel" not in self.loaded:
                    self.loaded["channel"] = line
                    inner.append(line)
                return "channel"
            return f"float({names[i]})" if i in names else i

        return source(f.right, read, number, lambda r: "0.0")

    def read(self, v: str, a: Access, lane: str | None, names: dict[str, str]) -> str:
        """The text of a load, or the register that holds it."""
        t = self.plan.types[v]
        if not t.batch:
            k = self.operand(v)
            if a.axes[0].terms:
                self.head[f"u{k} = {operand_word(k)}"] = None
                return f"load(u{k} + {self.vector} * b)"
            self.head[f"k{k} = splat(get({operand_word(k)}))"] = None
            return f"k{k}"
        channel = a.axes[1]
        if not channel.terms:
            if v in self.locals:
                return self.locals[v]
            if lane is None:
                return f"load(o{self.name(v)} + {self.item} * q)" if v in self.plan.points else f"splat(get({self.still(v)}))"
            return (f"splat(get(o{self.name(v)} + {self.item} * p))" if v in self.made
                    else f"splat(get({self.base(v)} + {self.place(v)}))")
        if channel.bare == lane:
            return self.locals.get(v) or self.full(v)
        step = channel.coefficient(lane or "")
        at = f"{self.slot(v)} + {step * self.vector} * b + {self.item} * ({self.offset(channel, lane or '', names)})"
        return f"load({at})" if step == 1 else f"every({at}, {step})" if step <= UNROLLED else f"gather({at}, {step * self.item})"

    def full(self, v: str) -> str:
        """A load of block b of a full value at place p."""
        if v in self.plan.buffers and v in self.made:
            return f"load({self.slot(v)} + {self.vector} * b)"
        return f"load({self.base(v)} + {self.place(v)} + b * {self.step(v)})"

