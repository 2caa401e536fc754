"""Contractions as products of tiles: a block of threads makes up to 128 x 64 places of the result from strips in shared memory.

    y[n,o,p,q] += x[n,c,p+u-1,q+v-1] * w[o,c,u,v]        rows n,p,q; columns o; depth c,u,v
    dx[n,c,p+u-1,q+v-1] += dy[n,o,p,q] * w[o,c,u,v]      rows n and the places of dx; columns c; depth o,u,v: p and q follow
    dw[o,c,u,v] += dy[n,o,p,q] * x[n,c,p+u-1,q+v-1]      rows o; columns c,u,v; depth n,p,q, in parts that are added afterwards
    y[n,4*g+o,p,q] += x[n,2*g+c,p,q] * w[4*g+o,c,0,0]    a layer for each g

Which index is what follows from which operands it is in; nothing else of a formula is asked, so every fully connected layer,
every convolution, its gradients, transposed and grouped ones are one kernel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from ...ir.formula import Access, Axis, Formula, in_bounds, spell
from ...ir.graph import Node
from ...ir.layout import round_up
from ...ir.types import TensorType
from .body import THREADS, Body, Kernel, place_names, sizes_of
from .kernels import Group, finish, start
from .places import ALIGNED, Place, number_of
from .solve import solve

DEEP = 8  # terms in a strip
PAD = 4  # elements after each line of a strip, so that threads that fill it meet different banks
SMALLEST = 8  # places, or terms, from which on tiles gain
BLOCKS = 256  # wanted at least: parts of a sum over the batch make more of them
PARTS = 64


@dataclass(frozen=True)
class Tiling:
    """The indices of a contraction by what they are for, the slowest first. A place of the result that several indices reach
    is an index here (`y2`); `steps` then find the index of an operand that belongs to it."""

    layers: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    turns: tuple[str, ...]  # of the depth: the same for a whole strip
    strip: tuple[str, ...]  # of the depth: one after the other in a strip
    extents: Mapping[str, int | str]
    reads: tuple[int, int]  # which of the formula's reads has the rows, and which the columns
    steps: Mapping[str, tuple[str, ...]]  # statements that find an index, by its name
    shape: tuple[int, int, int, int]  # rows and columns of a block, and of a thread
    parts: int

    def count(self, indices: tuple[str, ...]) -> str:
        """How many places indices run over, as text."""
        texts = [str(e) for i in indices for e in (self.extents[i],) if isinstance(e, str)]
        return " * ".join([*texts, str(self.known(indices))])

    def known(self, indices: tuple[str, ...]) -> int:
        return prod(e for i in indices for e in (self.extents[i],) if isinstance(e, int))


def tiling(n: Node, types: Mapping[str, TensorType]) -> Tiling | None:
    """How a formula runs in tiles; None for one that is no product of two values, or too small to gain."""
    f = n.op
    if not isinstance(f, Formula) or not f.is_product or len(f.reads) != 2 or n.effect:
        return None
    extents: dict[str, int | str] = dict(f.extents(tuple(types[i] for i in n.inputs), tuple(v.type for v in n.results)))
    body = Body(types, {})
    extents["n"] = body.extents(n, f, n.inputs, False)["n"]
    sizes = sizes_of(n.type)
    taken: list[str] = []
    depth = list(f.reduced)
    steps: dict[str, tuple[str, ...]] = {}
    side: dict[str, str] = {}  # a place -> the index that is found from it
    for k, a in enumerate(f.target.axes):
        if a.bare or not a.terms:
            taken += [a.bare] if a.bare else []
            continue
        alone = Access(f.target.name, tuple(a if j == k else Axis(()) for j in range(len(sizes))))
        places = tuple(s if j == k else 1 for j, s in enumerate(sizes))
        found = solve(alone, places, extents)
        if found.loops or any(s.startswith("if ") for s in found.steps):  # places that several indices reach, or none
            found = solve(alone, places, extents, one=True)
            (index,) = [i for i, _ in a.terms if i not in found.loops]
            depth += found.loops
            taken.append(f"y{k}")
            extents[f"y{k}"], side[f"y{k}"], steps[index] = sizes[k], index, found.steps
        else:
            taken += [i for i, _ in a.terms]
    if len(set(taken)) < len(taken):
        return None
    has = [set(r.indices) for r in f.reads]
    both, first, second = ([i for i in taken if [side.get(i, i) in h for h in has] == list(want)]
                           for want in ((True, True), (True, False), (False, True)))
    if len(both) + len(first) + len(second) < len(taken) or "n" in both:
        return None
    reads = (0, 1)
    if "n" in second:
        first, second, reads = second, first, (1, 0)
    turns, strip = _cut(depth, extents)
    made = Tiling(tuple(both), tuple(first), tuple(second), turns, strip, extents, reads, steps, (64, 64, 4, 4), 1)
    rows, columns, terms = made.known(made.rows) * (64 if "n" in first
                                                    else 1), made.known(made.columns), made.known(tuple(depth)) * (64
                                                            if "n" in depth else 1)
    if min(rows, columns, terms) < SMALLEST:
        return None
    shape = (128, 64, 8, 4) if columns > 32 and rows >= 128 else (64, 64, 4,
                                                                  4) if columns > 32 else (128, 32, 4,
                                                                          4) if columns > 16 else (128, 16, 4, 2)
    tiles = made.known(made.layers) * -(-rows // shape[0]) * -(-columns // shape[1])
    return replace(made, shape=shape, parts=max(1, min(PARTS, BLOCKS // tiles)) if "n" in depth else 1)


def _cut(depth: list[str], extents: Mapping[str, int | str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The indices of the depth that stay the same for a strip, and those that run along it: the longest one alone, so that no
    thread has to divide to find where it is. Short ones run together."""
    ordered = sorted(depth, key=lambda i: i != "n")
    lengths = {i: e for i, e in extents.items() if i in depth and isinstance(e, int)}
    longest = max(lengths, key=lambda i: lengths[i], default="")
    if longest and lengths[longest] >= DEEP:
        strip = [longest]
    else:
        strip = [i for i in ordered if i != "n"] if prod(lengths.values()) >= DEEP else ordered
    return tuple(i for i in ordered if i not in strip), tuple(strip)


def per_tile(group: Group, types: Mapping[str, TensorType], places: Mapping[str, Place], t: Tiling,
             vectors: int) -> tuple[list[Kernel], int]:
    """The kernels of a contraction, and the elements of `vectors` with what its parts need: a second kernel sums them."""
    host = group.nodes[0]
    size = prod(s or 0 for s in host.type.shape)
    body = start(group, types, places)
    product = _Tiles(body, host, t)
    product.sums()
    bm, bn, *_ = t.shape
    row_items = (t.known(t.rows) * host.type.batch, 0) if "n" in t.rows else (0, t.known(t.rows))
    grid = t.known(t.layers) * t.parts * -(-t.known(t.columns) // bn)
    if t.parts == 1:
        product.places(group, None)
        return [body.kernel("tiles", row_items, bm, grid)], vectors
    work = Place("vectors", vectors)
    product.places(group, work)
    total = start(group, types, places)
    total.line("item = cuda.grid(1)")
    total.open(f"if item < {size}:")
    total.line("acc = F(0.0)")
    total.open(f"for part in range({t.parts}):")
    total.line(f"acc += {total.at(work, f'part * {size} + item')}")
    total.depth -= 1
    total.decode("item", place_names(host, sizes_of(host.type)), sizes_of(host.type))
    finish(total, group, ("acc",), "item")
    return [body.kernel("tiles", row_items, bm, grid),
            total.kernel("total", (0, size), THREADS)], vectors + round_up(t.parts * size, ALIGNED)


class _Tiles:
    """The text of one product."""

    def __init__(self, body: Body, host: Node, t: Tiling):
        self.b, self.host, self.t, self.f = body, host, t, host.formula
        self.bound = dict(zip(self.f.operands, host.inputs))
        self.names = place_names(host, sizes_of(host.type))

    def sums(self) -> None:
        """Everything up to the sums, in c0_0 ... of each thread."""
        b, t = self.b, self.t
        bm, bn, tm, tn = t.shape
        across = -(-t.known(t.columns) // bn)
        b.line(f"left = cuda.shared.array({DEEP * (bm + PAD)}, F)")
        b.line(f"right = cuda.shared.array({DEEP * (bn + PAD)}, F)")
        b.line("thread = cuda.threadIdx.x")
        b.line("block = cuda.blockIdx.x")
        b.line(f"column0 = block % {across} * {bn}")
        b.line(f"block = block // {across}")
        b.line(f"part = block % {t.parts}")
        b.line(f"block = block // {t.parts}")
        layers = t.known(t.layers)
        b.line(f"layer = block % {layers}")
        b.line(f"row0 = block // {layers} * {bm}")
        b.line(f"rows = {t.count(t.rows)}")
        b.line(f"depth = {t.count(t.strip)}")
        self.unfold("layer", t.layers, "")
        for i in range(tm):
            for j in range(tn):
                b.line(f"c{i}_{j} = F(0.0)")
        loads = [_Load(self, "left", t.reads[0], t.rows, "row0", "rows", bm),
                 _Load(self, "right", t.reads[1], t.columns, "column0", str(t.known(t.columns)), bn)]
        for load in loads:
            load.before()
        outer = b.depth
        self.strips()
        for load in loads:
            load.fill()
        b.line("cuda.syncthreads()")
        # unsigned, since Numba lets a signed index count from the end and asks at every read whether it does
        b.line(f"la = uint64(thread % {bm // tm})")
        b.line(f"ra = uint64(thread // {bm // tm})")
        b.open(f"for turn in range({DEEP}):")
        for name, at, strip, count, apart in (("a", "la", "left", tm, bm // tm), ("b", "ra", "right", tn, bn // tn)):
            for i in range(count):
                b.line(f"{name}{i} = {strip}[{at}{f' + uint64({i * apart})' if i else ''}]")
        for i in range(tm):
            for j in range(tn):
                b.line(f"c{i}_{j} += a{i} * b{j}")
        b.line(f"la += uint64({bm + PAD})")
        b.line(f"ra += uint64({bn + PAD})")
        b.depth -= 1
        b.line("cuda.syncthreads()")
        b.depth = outer

    def strips(self) -> None:
        """Loops over the depth, strip by strip; each part of a sum takes its share of the batch."""
        b, t = self.b, self.t
        first, last = "0", "depth"
        if t.parts > 1 and "n" in t.strip:
            b.line(f"share = (depth + {DEEP * t.parts - 1}) // {DEEP * t.parts} * {DEEP}")
            first, last = "part * share", "min(depth, part * share + share)"
        for i in t.turns:
            if i == "n" and t.parts > 1:
                b.line(f"share = ({t.extents[i]} + {t.parts - 1}) // {t.parts}")
                b.open(f"for n in range(part * share, min({t.extents[i]}, part * share + share)):")
            else:
                b.open(f"for {i} in range({t.extents[i]}):")
        b.open(f"for k0 in range({first}, {last}, {DEEP}):")

    def unfold(self, number: str, indices: tuple[str, ...], mark: str) -> None:
        """Name the indices of a number; `mark` tells names of several such numbers apart."""
        self.b.decode(number, tuple(i + mark for i in indices), tuple(self.t.extents[i] for i in indices))

    def places(self, group: Group, work: Place | None) -> None:
        """Store the sums: where they belong, after the maps that go along, or as one part of them."""
        b, t = self.b, self.t
        bm, bn, tm, tn = t.shape
        size = prod(s or 0 for s in self.host.type.shape)
        for i in range(tm):
            b.line(f"row = row0 + thread % {bm // tm} + {i * (bm // tm)}")
            b.open("if row < rows:")
            self.unfold("row", t.rows, "")
            for j in range(tn):
                b.line(f"column = column0 + thread // {bm // tm} + {j * (bn // tn)}")
                b.open(f"if column < {t.known(t.columns)}:")
                self.unfold("column", t.columns, "")
                number = b.fresh(number_of(self.own(), self.host.type, {}))
                if work is not None:
                    b.line(f"{b.at(work, f'part * {size} + {number}')} = c{i}_{j}")
                else:
                    for name, a in zip(self.names, self.f.target.axes):
                        if name and not a.bare and name not in (*t.layers, *t.rows, *t.columns):
                            b.line(f"{name} = {spell(a, {})}")
                    finish(b, group, (f"c{i}_{j}",), number)
                b.depth -= 1
            b.depth -= 1

    def own(self) -> Access:
        """The place of a sum, by the tiling's indices."""
        axes = tuple(Axis(((f"y{k}", 1),)) if f"y{k}" in self.t.extents else a for k, a in enumerate(self.f.target.axes))
        return Access(self.f.target.name, axes)


class _Load:
    """How the threads of a block bring one operand's strip into shared memory. The index that lies densely in memory varies from
    thread to thread: one of the rows (or columns), or one of the depth."""

    def __init__(self, tiles: _Tiles, strip: str, which: int, lines: tuple[str, ...], first: str, count: str, wide: int):
        self.o, self.strip, self.lines, self.first, self.count, self.wide = tiles, strip, lines, first, count, wide
        self.read = tiles.f.reads[which]
        self.loads = wide * DEEP // THREADS or 1
        self.along = self._step(tiles.t.strip) <= self._step(lines)
        self.short = wide * DEEP < THREADS

    def _step(self, indices: tuple[str, ...]) -> float:
        """How far apart in memory the elements of neighbours are, when these indices run."""
        last = next((i for i in reversed(indices) if self.o.t.extents[i] != 1), "")
        strides: dict[str, int] = {}
        stride = 1
        for axis, size in zip(self.read.axes[::-1],
                              (0, *(s or 0 for s in self.o.b.types[self.o.bound[self.read.name]].shape))[::-1]):
            for i, c in axis.terms:
                strides[i] = strides.get(i, 0) + abs(c) * stride
            stride *= size
        return strides.get(self._found(last) or last, float("inf"))

    def _found(self, line: str) -> str:
        """The index that is found from a place."""
        if not line or line in self.o.f.indices:
            return ""
        return next((i for i, _ in self.o.f.target.axes[int(line[1:])].terms if i in self.o.t.steps), "")

    def before(self) -> None:
        """What stays the same from strip to strip."""
        b, s = self.o.b, self.strip[0]
        for load in range(self.loads if self.along else 1):
            at = f"thread // {DEEP} + {load * (THREADS // DEEP)}" if self.along else f"thread % {self.wide}"
            b.line(f"{s}at{load} = {at}")
            b.line(f"{s}line{load} = {self.first} + {s}at{load}")
            self.o.unfold(f"{s}line{load}", self.lines, f"_{s}{load}")

    def fill(self) -> None:
        b, s = self.o.b, self.strip[0]
        for load in range(self.loads):
            line = load if self.along else 0
            deep = 0 if self.along else load
            if not self.along or load == 0:
                b.line(f"{s}k{deep} = "
                       + (f"thread % {DEEP}" if self.along else f"thread // {self.wide} + {load * (THREADS // self.wide)}"))
                b.line(f"{s}deep{deep} = k0 + {s}k{deep}")
                self.o.unfold(f"{s}deep{deep}", self.o.t.strip, f"_{s}k{deep}")
            if self.short:
                b.open(f"if {s}k{deep} < {DEEP} and {s}at{line} < {self.wide}:")
            self._one(line, deep)
            if self.short:
                b.depth -= 1

    def _one(self, line: int, deep: int) -> None:
        o, b, s = self.o, self.o.b, self.strip[0]
        names = {i: f"{i}_{s}{line}" for i in self.lines} | {i: f"{i}_{s}k{deep}" for i in o.t.strip}
        checks = [f"{s}line{line} < {self.count}", f"{s}deep{deep} < depth"]
        for i, steps in o.t.steps.items():
            if i not in self.read.indices:
                continue
            names[i] = f"{i}_{s}"
            for step in steps:
                text = _rename(step, names)
                if text.startswith("if "):
                    checks.append(text[3:-1])
                else:
                    b.line(text)
        t = b.types[o.bound[self.read.name]]
        known = {i: e for i, e in o.t.extents.items() if isinstance(e, int)}
        axes = [(x, size) for x, size in zip(self.read.axes[t.batch > 0 :], t.shape) if x.terms
                and all(i in known for i, _ in x.terms)]
        checks += in_bounds(axes, known, names, str)
        value = b.at(b.places[o.bound[self.read.name]], number_of(self.read, t, names))
        b.line(f"{self.strip}[{s}k{deep} * {self.wide + PAD} + {s}at{line}] = {value} if {' and '.join(checks)} else F(0.0)")


def _rename(step: str, names: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m[0], m[0]), step)
