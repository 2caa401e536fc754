"""Source of one loop nest of a `lanes` step: where its operands lie, its windows, its guards.

A nest runs for one image `n` and one block of channels `b`; its loops are called d, h, w. What does not change with the
innermost loop is computed before it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod

from ....ir.formula import Access, Axis, Formula, Random, access, in_bounds, spell
from ....ir.graph import Node
from ....ir.layout import Image, Layout
from ....ir.types import TensorType
from ..families.nests import Nest, is_total
from ..families.step import SEQUENCE
from ..row import O_BLOCK, O_IMAGE, O_PLANE, O_ROW
from .expressions import keeps_zero, source
from .text import LANE_NUMBERS, SAMPLE_COUNT, Text, operand_word


@dataclass
class NestWriter:
    t: Text
    nest: Nest
    types: dict[str, TensorType]
    layouts: dict[str, Layout | None]
    stored: set[str]
    extents: dict[str, dict[str, int]]
    loops: list[str] = field(default_factory=list)  # loop variables of the domain
    loaded: dict[tuple[str, str], str] = field(default_factory=dict)
    flat: bool = False  # one loop over all places of contiguous planes
    placed: tuple[str, ...] = ()  # parts of a concatenation that are there already

    def emit(self) -> None:
        """Of the forms map and pull; what is written elsewhere than at the place of the loops is a `Scatter`."""
        t, nest = self.t, self.nest
        self.flat = nest.form == "map" and len(nest.domain) > 1 and self.contiguous()
        domain = (prod(nest.domain),) if self.flat else nest.domain
        self.loops = list("dhw"[3 - len(domain):])
        inner: list[str] = []
        before: list[str] = []
        after: list[str] = []
        sums: list[str] = []
        rows: dict[str, str] = {}
        first = nest.nodes[0]
        for n in nest.nodes:
            f = n.formula
            if nest.form == "pull" and n is first:
                inner += self.window(n, before, rows)
            elif is_total(f):
                s = t.name("s")
                if f.how == "+=":
                    sums.append(s)
                    inner.append(f"{s} += {self.masked(n, self.expression(n, inner, rows))}")
                else:
                    before.append(f"{s} = splat(-inf)")
                    inner.append(f"{s} = maximum({s}, {self.expression(n, inner, rows)})")
                t.locals[n.name] = s
                if n.name in self.stored:
                    after.append(f"store({self.image_address(n.name)}, {f'keep({s}, left)' if f.how != '+=' else s})")
                continue
            else:
                v = t.name("v")
                inner.append(f"{v} = {self.masked(n, self.expression(n, inner, rows))}")
                t.locals[n.name] = v
            for value in n.results:
                if value.name in self.stored:
                    inner.append(f"store({self.own_address(value.name, rows)}, {t.locals[value.name]})")
        self.write_loops(domain, before, rows, inner, after, sums, self.seldom())
        for n in nest.nodes:
            if not (isinstance(n.op, Formula) and is_total(n.op)) and domain:
                for value in n.results:
                    t.locals.pop(value.name, None)

    def write_loops(self, domain: tuple[int, ...], before: list[str], rows: dict[str, str], inner: list[str], after: list[str],
                    sums: Sequence[str] = (), seldom: str = "") -> None:
        """The loops over a domain, around `inner`. `sums` are registers that it adds to; under `seldom` nothing else happens
        in it, and where that test fails they stay zero."""
        t = self.t
        zeros = [f"{s} = splat(0.0)" for s in sums]
        lines, pad = [*before, *zeros, *([f"if some({seldom}):"] if seldom else [])], "    " * bool(seldom)
        long = bool(sums) and t.dtype == "float32" and prod(domain) > SEQUENCE
        lines += [f"{pad}{s}_ = splat64(0.0)" for s in sums if long]
        outer = ""  # margin of what one float32 sum runs over
        for k, (i, size) in enumerate(zip(self.loops, domain)):
            bounds = t.size(size)
            if k == len(domain) - 1:
                lines += [pad + x for x in rows.values()]
                if long and not k:
                    lines.append(f"{pad}for begin in range(0, {bounds}, {SEQUENCE}):")
                    pad, bounds = pad + "    ", f"begin, min({bounds}, begin + {SEQUENCE})"
                outer = pad
                lines += [pad + x for x in zeros if long]
            lines.append(f"{pad}for {i} in range({bounds}):")
            pad += "    "
        if not domain:
            lines += [pad + x for x in rows.values()]
        lines += [pad + x for x in inner]
        if long:
            lines += [f"{outer}{s}_ = {s}_ + to_float64({s})" for s in sums]
            lines += [f"{'    ' * bool(seldom)}{s} = to_float32({s}_)" for s in sums]
        t.lines += [*lines, *after]

    def seldom(self) -> str:
        """The test, the same at all places of an image, without which every sum of this nest adds zeros."""
        tests = {self.test_of(n) if is_total(n.op) and n.formula.how == "+=" else "" for n in self.nest.nodes}
        return tests.pop() if len(tests) == 1 else ""

    def test_of(self, n: Node) -> str:
        """The test of a formula that adds where(test, value, 0), if it has no places."""
        match n.formula.right:
            case ast.Call(ast.Name("where"), [test, _, ast.Constant(0.0)]):
                reads = [access(s) for s in ast.walk(test) if isinstance(s, ast.Subscript)]
                if not any(x.terms for a in reads for x in a.axes[2:]):
                    bound = dict(zip(n.written.operands, n.inputs))
                    return source(test, lambda s: self.read(bound[s.value.id], access(s), {}, [], {}), str, lambda r: "")  # type: ignore[attr-defined]
        return ""

    def contiguous(self) -> bool:
        """Whether every image of this nest lies without gaps, so that one loop runs over all its places."""
        for n in self.nest.nodes:
            for v in (*n.inputs, *(r.name for r in n.results)):
                layout = self.layouts.get(v)
                full = isinstance(layout, Image) and len(self.types[v].shape) == len(self.nest.domain) + 1
                if full and isinstance(layout, Image) and (not layout.solid or layout.extents[3 - len(self.nest.domain):]
                                                           != self.nest.domain):
                    return False
            if isinstance(n.op, Formula) and (_numbers(n.op) & set(n.op.target.indices) - {n.op.target.axes[1].bare}
                                              or n.op.is_random):
                return False
        return True

    def expression(self, n: Node, inner: list[str], rows: dict[str, str], names: dict[str, str] | None = None) -> str:
        """The right side, its operands loaded at the place of the loops. `names` spells indices."""
        f = n.formula
        bound = dict(zip(f.operands, n.inputs))
        c = f.target.axes[1].bare
        names = names if names is not None else dict(zip((a.bare or "" for a in self._place_axes(f)), self.loops))

        def read(s: ast.Subscript) -> str:
            return self.read(bound[s.value.id], access(s), names, inner, rows)  # type: ignore[attr-defined]

        def number(i: str) -> str:
            if i == "N":
                return SAMPLE_COUNT
            if i == c:
                line = f"channel = {LANE_NUMBERS} + float({self.t.lanes} * b)"
                if line not in self.t.head:
                    self.t.head.append(line)
                return "channel"
            return names.get(i, i)

        def random(r: Random) -> str:
            return self.random(f, r, names)

        text = source(f.right, read, number, random)
        return text if f.reads or f.is_random else f"splat({text})"

    def random(self, f: Formula, r: Random, names: dict[str, str]) -> str:
        bound, a = dict(zip(f.operands, self._inputs(f))), r.index
        key, first = (f"get_i64({operand_word(self.t.operand(bound[v]))})" for v in (r.key, r.first))
        c = f.target.axes[1].bare or ""
        step = a.coefficient(c)
        start = spell(Axis(tuple((i, q) for i, q in a.terms if i != c), a.const), {**names, "n": "n"})
        return f"uniform({key}, {start} + {r.example} * {first} + {step} * ({self.t.lanes} * b), {step})"

    def _inputs(self, f: Formula) -> tuple[str, ...]:
        return next(n.inputs for n in self.nest.nodes if n.op is f)

    def _place_axes(self, f: Formula) -> tuple[Axis, ...]:
        """The subscripts whose indices the domain's loops run over."""
        if is_total(f):
            return next(r for r in f.reads if len(r.axes) > 2).axes[2:]
        return f.target.axes[2:]

    def read(self, value: str, a: Access, names: dict[str, str], inner: list[str], rows: dict[str, str]) -> str:
        """A register with the operand at a place."""
        t = self.t
        kind = self.types[value]
        if value in t.locals and (len(a.axes) <= 2 or all(x.bare for x in a.axes[2:]) or not a.axes[2:]):
            return t.locals[value]
        if kind.batch == 0:
            k = t.operand(value)
            name = f"k{k}"
            line = (f"{name} = load({operand_word(k)} + {t.bytes} * b)" if a.axes[0].terms
                    else f"{name} = splat(get({operand_word(k)}))")
            if line not in t.head:
                t.head.append(line)
            return name
        spread = not a.axes[1].terms  # one number a place, for all channels
        shift = a.axes[1].const // t.lanes if a.axes[1].terms else 0
        load = "load({})" if spread or not (shift or self.longer(value)) else "keep(load({}), left)"
        if len(a.axes) == 2 or not any(x.terms or x.const for x in a.axes[2:]):
            k = t.operand(value, shift)
            name = f"{'p' if spread else 'i'}{k}"
            where = f"{operand_word(k)} + n * {operand_word(k, O_IMAGE)}" + ("" if spread
                                                                                else f" + b * {operand_word(k, O_BLOCK)}")
            line = f"{name} = splat(get({where}))" if spread else f"{name} = {load.format(where)}"
            if value in self.stored and value not in t.locals:
                return load.format(where)  # made by an earlier nest of this very step
            if line not in t.image_head:
                t.image_head.append(line)
            return name
        place = self.place(value, a, names, rows, shift, spread)
        if (value, place) not in self.loaded:
            v = t.name("x")
            inner.append(f"{v} = splat(get({place}))" if spread else f"{v} = {load.format(place)}")
            self.loaded[value, place] = v
        return self.loaded[value, place]

    def longer(self, value: str) -> bool:
        """Whether a value has more channels than the step: what lies past the step's last one is no zero then."""
        own = self.types[self.nest.nodes[0].results[0].name].shape
        return self.types[value].shape[0] != (own[0] if own else 1) and self.types[value].shape[0] != 1

    def base(self, value: str, shift: int = 0, spread: bool = False) -> str:
        """The address of place (0, 0, 0) of this image and block, once an image."""
        t = self.t
        k = t.operand(value, shift)
        name = f"a{k}" + ("s" if spread else "")
        where = f"{operand_word(k)} + n * {operand_word(k, O_IMAGE)}" + ("" if spread else f" + b * {operand_word(k, O_BLOCK)}")
        line = f"{name} = {where}"
        if line not in t.image_head:
            t.image_head.append(line)
        return name

    def place(self, value: str, a: Access, names: dict[str, str], rows: dict[str, str], shift: int = 0,
              spread: bool = False) -> str:
        """The address of a read or write: the part that does not depend on the innermost loop is kept in `rows`."""
        t = self.t
        k = t.operand(value, shift)
        base = self.base(value, shift, spread)
        axes = [spell(x, names) for x in a.axes[2:]]
        if self.flat and len(axes) > 1:
            return f"{base} + {t.bytes} * {self.loops[0]}"
        terms = []
        for x, word in zip(axes[::-1][1:], (O_ROW, O_PLANE)):
            if x != "0":
                terms.append(f"({x}) * {operand_word(k, word)}" if not x.isidentifier()
                             else f"{x} * {operand_word(k, word)}")
        inner = f"{t.bytes} * ({axes[-1]})" if not axes[-1].isidentifier() else f"{t.bytes} * {axes[-1]}"
        if terms and all(_identifiers(x) <= set(self.loops[:-1]) for x in axes[:-1]):
            line = " + ".join([base, *terms])
            if line not in rows:
                rows[line] = f"r{t.fresh}_{len(rows)} = {line}"
                t.fresh += 1
            return f"{rows[line].split(' = ')[0]} + {inner}"
        return " + ".join([base, *terms, inner])

    def own_address(self, value: str, rows: dict[str, str]) -> str:
        node = next(n for n in self.nest.nodes if any(r.name == value for r in n.results))
        f = node.formula
        target = f.target
        if len(target.axes) == 2 or not any(x.terms for x in target.axes[2:]):
            return self.image_address(value)
        names = dict(zip((a.bare or "" for a in target.axes[2:]), self.loops))
        return self.place(value, target, names, rows)

    def image_address(self, value: str) -> str:
        return self.base(value)

    def masked(self, n: Node, text: str) -> str:
        """Zero in the lanes past the last channel, where the expression might not be."""
        def zero(s: ast.Subscript) -> bool:  # one number for all channels is no zero past the last one
            a = access(s)
            return bool(a.axes[min(1, len(a.axes) - 1)].terms if a.axes[0].bare == "n" else a.axes[0].terms)

        return text if keeps_zero(n.formula.right, zero) else f"keep({text}, left)"

    # ---- windows ---------------------------------------------------------------------------------------------------------------
    def window(self, n: Node, before: list[str], rows: dict[str, str]) -> list[str]:
        """The lines that reduce a window at one place of the result."""
        t, f = self.t, n.formula
        names = dict(zip((a.bare or "" for a in f.target.axes[2:]), self.loops))
        reduced = list(f.reduced)
        names |= {i: i + "_" for i in reduced}
        acc = t.name("m")
        places = f.targets[1:] != ()
        out = [f"{acc} = splat({'0.0' if f.how != 'max=' else '-inf'})"]
        if places:
            out.append(f"{acc}i = splat(0.0)")
        pad = ""
        extents = self.extents[n.name]
        for i in reduced:
            out.append(f"{pad}for {names[i]} in range({self.window_size(f, i, extents)}):")
            pad += "    "
        guards = self.guards(n, names, extents)
        if guards:
            out.append(f"{pad}if {' and '.join(guards)}:")
            pad += "    "
        inner: list[str] = []
        value = self.expression(n, inner, rows, names)
        self.loaded = {}
        out += [pad + x for x in inner]
        if f.how == "=":
            out.append(f"{pad}{acc} = {self.masked(n, value)}")
        elif f.how == "+=":
            out.append(f"{pad}{acc} += {self.masked(n, value)}")
        elif places:
            number = "0"
            for i in reduced:
                number = names[i] if number == "0" else f"({number}) * {extents[i]} + {names[i]}"
            out += [f"{pad}y_ = {value}", f"{pad}better = (y_ > {acc}) | ((y_ != y_) & ({acc} == {acc}))",
                    f"{pad}{acc} = where(better, y_, {acc})", f"{pad}{acc}i = where(better, splat({number}), {acc}i)"]
        else:
            out.append(f"{pad}{acc} = maximum({acc}, {value})")
        if f.how == "max=":
            out.append(f"{acc} = keep({acc}, left)")
        t.locals[n.results[0].name] = acc
        if places and len(n.results) > 1:
            t.locals[n.results[1].name] = f"{acc}i"
        return out

    def window_size(self, f: Formula, i: str, extents: dict[str, int]) -> str:
        """Small extents (of windows) are literal: the compiler unrolls them."""
        bare = any(a.bare == i for r in f.reads for a in r.axes)
        return self.t.size(extents[i]) if bare else str(extents[i])

    def guards(self, n: Node, names: dict[str, str], extents: dict[str, int]) -> list[str]:
        """Conditions that keep every read (and write) within its plane."""
        f = n.formula
        bound = dict(zip(f.operands, n.inputs)) | {t.name: r.name for t, r in zip(f.targets, n.results)}
        axes = [(x, size) for a in (*f.reads, f.target) for kind in (self.types[bound[a.name]],) if kind.batch
                for x, size in zip(a.axes[2:], kind.shape[1:])]
        return in_bounds(axes, extents, names, self.t.size)



def _identifiers(text: str) -> set[str]:
    return {x.id for x in ast.walk(ast.parse(text, mode="eval")) if isinstance(x, ast.Name)}


@lru_cache(maxsize=16384)
def _numbers(f: Formula) -> set[str]:
    """Indices that stand as numbers in the expression."""
    inside = {id(x) for s in f.subscripts for x in ast.walk(s)}
    return {x.id for x in ast.walk(f.right) if isinstance(x, ast.Name) and id(x) not in inside}
