"""How the formulas of a `places` step become sweeps: formulas that keep to one place of an image but cross its channels.

    m[n,0,h,w] max= x[n,c,h,w];  t[n,c,h,w] += q[n,c+j-2,h,w];  y[n,c,h,w] max= x[n,2*c+j,h,w];  y[n,c+17,h,w] = b[n,c,h,w]

A tile of places goes through the sweeps in order. A value is *full* (channels at every place) or a *point* (one number at
every place, `x[n,0,h,w]`). Within a sweep values pass in registers; between sweeps they lie in a thread's scratch, where the
channels of a place are neighbours, so that a shifted read is an unaligned load.

    map      channel by channel              reduce   over channels into a point      point    between points alone
    window   reads at shifted or grouped channels         push     writes at such        pieces   concatenation

A *total* is a point or a reduction that is summed over all places of an image too.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Literal

from ....ir.formula import Access, Axis, Formula, Pieces
from ....ir.graph import Graph, Node
from ....ir.layout import round_up
from ....ir.types import TensorType
from .step import Step, step_of

Form = Literal["map", "reduce", "point", "window", "push", "pieces"]
Types = Mapping[str, TensorType]

SCRATCH = 24 << 10  # bytes of values between sweeps that a tile may have: they stay in the nearest cache
MOST_PLACES = 32  # of a tile
WORK = 512  # vectors that are worth an item of their own
MOST_PIECES = 64  # items of an image


@dataclass(frozen=True)
class Sweep:
    """Formulas that share one loop: over places and blocks of `channels` channels, or over the places of points."""

    kind: Literal["channels", "points"]
    channels: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Buffer:
    """A full value in scratch: elements before channel 0, and from it on, of each place."""

    low: int
    size: int


def shape_of(f: Formula, types: Types) -> tuple[Form, str | None] | None:
    """The form of a formula and the index that its lanes run over; None where it is none of these. `types` by local name."""
    channel = f.target.axes[1]
    bare = {r.axes[1].bare for r in f.reads if types[r.name].batch and r.axes[1].bare}
    if not channel.terms:
        lanes = bare & set(f.reduced)
        if len(lanes) > 1 or any(r.axes[1].terms and r.axes[1].bare not in lanes for r in f.reads if types[r.name].batch):
            return None
        return ("reduce", str(lanes.pop())) if lanes else ("point", None)
    if channel.bare:
        own = all(r.axes[1].bare == channel.bare or not r.axes[1].terms for r in f.reads if types[r.name].batch)
        return ("map" if own and f.how == "=" else "window"), channel.bare
    lanes = {i for i in bare if i not in f.reduced}
    if len(lanes) != 1 or f.how == "max=":
        return None
    c = str(lanes.pop())
    return ("push", c) if channel.coefficient(c) > 0 and all(r.axes[1].bare == c or not r.axes[1].terms for r in f.reads
                                                             if types[r.name].batch) else None


def is_total(f: Formula, types: Types) -> bool:
    """A sum over every place of an image into one number."""
    return len(f.target.axes) == 2 and any(len(r.axes) > 2 for r in f.reads if types[r.name].batch)


@lru_cache(maxsize=16384)
def keeps_place(op: Formula | Pieces, operands: tuple[TensorType, ...], result: TensorType) -> bool:
    """Whether a formula reads and writes one place of one image, whatever it does with the channels."""
    types = dict(zip(op.operands, operands))
    if isinstance(op, Pieces):
        return all(_part_keeps(f, types, result) for f in op.parts)
    f = op
    target = f.target
    if not result.batch or len(target.axes) < 2 or target.axes[0].bare != "n" or len(result.shape) > 4 or f.is_random:
        return False
    batched = [r for r in f.reads if types[r.name].batch]
    if not batched or any(types[r.name].batch != result.batch or len(r.axes) < 2 or r.axes[0].bare != "n"
                          or len(types[r.name].shape) > 4 for r in batched):
        return False
    wide = max((target, *batched), key=lambda r: len(r.axes)).axes[2:]
    places = [a.bare for a in wide]
    if None in places or len(set(places)) < len(places) or any(r.axes[2:] not in ((), wide) for r in (target, *batched)):
        return False
    if target.axes[2:] != wide and (target.axes[1].terms or f.how != "+=" or len(f.targets) > 1):
        return False
    shaped = shape_of(f, types)
    if shaped is None:
        return False
    form, lane = shaped
    small = small_indices(f, lane, wide)
    if (small and form not in ("window", "push")) or (len(f.targets) > 1 and (form != "window" or f.how != "max=")):
        return False
    for r in f.reads:
        t, a = types[r.name], r.axes[min(1, len(r.axes) - 1)]
        if t.batch:
            if any(i != lane and i not in small for i, _ in a.terms) or (not a.terms and (a.const or t.shape[0] != 1)):
                return False
            if a.terms and a.bare is None and (a.coefficient(lane or "") <= 0 or r.axes[2:] != wide):
                return False
        elif len(r.axes) != 1 or (a.bare != lane if a.terms else a.const):
            return False
    if not target.axes[1].terms and target.axes[1].const:
        return False
    return numbers(f) <= {"N", *small, *([lane] if lane else [])}


def _part_keeps(f: Formula, types: Types, result: TensorType) -> bool:
    if f.how != "=" or not isinstance(f.right, ast.Subscript) or len(f.reads) != 1:
        return False
    (r,) = f.reads
    t, to = types[r.name], f.target.axes
    return (t.batch == result.batch > 0 and to[0].bare == "n" == r.axes[0].bare and len(to[1].terms) == 1 and to[1].terms[0]
            == (r.axes[1].bare, 1)
            and to[2:] == r.axes[2:] and None not in r.bare and len(result.shape) <= 4)


def small_indices(f: Formula, lane: str | None, places: tuple[Axis, ...]) -> list[str]:
    """Indices that neither lanes nor places run over: of a window, or of a group."""
    return [i for i in f.indices if i not in ("n", lane) and i not in [a.bare for a in places]]


def numbers(f: Formula) -> set[str]:
    """Indices, and N, that stand as numbers in an expression."""
    inside = {id(x) for s in f.subscripts for x in ast.walk(s)} | {id(x.func) for x in ast.walk(f.right)
                                                                   if isinstance(x, ast.Call)}
    return {x.id for x in ast.walk(f.right) if isinstance(x, ast.Name) and id(x) not in inside}


def local_types(node: Node, types: Types) -> dict[str, TensorType]:
    """The types of what a formula reads, by its own names."""
    return {o: types[i] for o, i in zip(node.written.operands, node.inputs)}


def domain_of(node: Node, types: Types) -> tuple[int, ...]:
    """The places of an image that a formula goes over."""
    wide = max((types[i] for i in (*node.inputs, *(v.name for v in node.results)) if types[i].batch), key=lambda t: len(t.shape))
    return tuple(s or 0 for s in wide.shape[1:])


def compound_reads(node: Node) -> list[tuple[str, Axis]]:
    """Values read at other channels than the lane's own, and where."""
    f = node.written
    if isinstance(f, Pieces):
        return []
    bound = dict(zip(f.operands, node.inputs))
    lane = f.target.axes[1].bare
    return [(bound[r.name], r.axes[1]) for r in f.reads
            if len(r.axes) > 1 and r.axes[0].bare == "n" and r.axes[1].terms and lane is not None and r.axes[1].bare != lane]


def extents_of(node: Node, types: Types) -> dict[str, int]:
    f = node.formula
    return f.extents(tuple(types[i] for i in node.inputs), tuple(v.type for v in node.results))


def can_follow(node: Node, before: list[Node], types: Types) -> bool:
    """Whether a formula may run in the step of formulas `before`, tile by tile."""
    first = before[0]
    if domain_of(node, types) != domain_of(first, types) or node.type.batch != first.type.batch:
        return False
    made = {v.name: m for m in before for v in m.results}
    if any(isinstance(made[i].op, Formula) and is_total(made[i].formula, local_types(made[i], types)) for i in node.inputs
           if i in made):
        return False  # complete only after all places
    if isinstance(node.op, Formula) and any(v in made and _is_point(made[v]) == bool(r.axes[1].terms) for v, r in reads_of(node)):
        return False  # a value of one channel, made as a point and read as a full one, or the other way round
    return not any(v in made and isinstance(made[v].op, Formula) and not made[v].formula.target.axes[1].bare
                   for v, _ in compound_reads(node))


def _is_point(n: Node) -> bool:
    return isinstance(n.op, Formula) and not n.op.target.axes[1].terms


@dataclass
class Plan:
    """Everything about a step that its layouts do not decide."""

    nodes: tuple[Node, ...]
    types: Types
    results: frozenset[str]
    lanes: int
    item: int
    sweeps: list[Sweep] = field(default_factory=list)
    buffers: dict[str, Buffer] = field(default_factory=dict)
    points: list[str] = field(default_factory=list)  # values with a number a place in scratch

    def __post_init__(self) -> None:
        made = {v.name: n for n in self.nodes for v in n.results}
        self._sweeps()
        at = {v.name: k for k, s in enumerate(self.sweeps) for n in s.nodes for v in n.results}
        for n in self.nodes:
            for v, a in compound_reads(n):
                self._reach(v, a, n)
            form = self.form(n)
            for i in n.inputs:
                t = self.types[i]
                if not t.batch:
                    continue
                if i not in made:
                    if form == "point" and self._has_place(i):
                        self._point(i)
                elif at[i] != at[n.name] and i not in self.results and self.form(made[i]) not in ("reduce", "point"):
                    self._buffer(i)
            if form in ("reduce", "point") and not self.total(n):
                self._point(n.name)
            if isinstance(n.op, Pieces):
                for f, (x,) in n.op.bind(n.inputs):
                    self._buffer(n.name, size=f.target.axes[1].const + self._padded(self.types[x].shape[0] or 0))
            elif form == "push":
                c = shape_of(n.formula, local_types(n, self.types))
                assert c is not None and c[1] is not None
                self._reach(n.name, n.formula.target.axes[1], n, c[1])

    # ---- what a formula is -------------------------------------------------------------------------------------------------
    def form(self, n: Node) -> Form:
        if isinstance(n.op, Pieces):
            return "pieces"
        shaped = shape_of(n.formula, local_types(n, self.types))
        assert shaped is not None, f"%{n.name} crosses places"
        return shaped[0]

    def lane(self, n: Node) -> str | None:
        shaped = shape_of(n.formula, local_types(n, self.types))
        return shaped and shaped[1]

    def small(self, n: Node) -> list[str]:
        wide = max((n.formula.target, *(a for v, a in reads_of(n) if self.types[v].batch)), key=lambda a: len(a.axes))
        return small_indices(n.formula, self.lane(n), wide.axes[2:])

    def total(self, n: Node) -> bool:
        return isinstance(n.op, Formula) and is_total(n.op, local_types(n, self.types))

    def _has_place(self, v: str) -> bool:
        return len(self.types[v].shape) > 1 or not self.domain

    @property
    def domain(self) -> tuple[int, ...]:
        return domain_of(self.nodes[0], self.types)

    # ---- sweeps ------------------------------------------------------------------------------------------------------------
    def _sweeps(self) -> None:
        for n in self.nodes:
            form, last = self.form(n), self.sweeps[-1] if self.sweeps else None
            inside = {v.name: m for m in last.nodes for v in m.results} if last else {}
            if form == "point":
                joins = last is not None and last.kind == "points"
                channels = 1
            elif form in ("push", "pieces"):
                joins = False
                channels = 0 if form == "pieces" else extents_of(n, self.types)[str(self.lane(n))]
            else:
                channels = extents_of(n, self.types)[str(self.lane(n))]
                joins = (last is not None and last.kind == "channels" and last.channels == channels
                         and self.form(last.nodes[-1]) not in ("push", "pieces")
                         and not any(i in inside and self.form(inside[i]) == "reduce" for i in n.inputs)
                         and not any(v in inside for v, _ in compound_reads(n)))
            if joins and last is not None:
                self.sweeps[-1] = Sweep(last.kind, last.channels, (*last.nodes, n))
            else:
                self.sweeps.append(Sweep("points" if form == "point" else "channels", channels, (n,)))

    # ---- scratch -----------------------------------------------------------------------------------------------------------
    def _padded(self, channels: int) -> int:
        return round_up(channels, self.lanes)

    def _point(self, v: str) -> None:
        if v not in self.points:
            self.points.append(v)

    def _buffer(self, v: str, low: int = 0, size: int = 0) -> None:
        old = self.buffers.get(v, Buffer(0, self._padded(self.types[v].shape[0] or 0)))
        self.buffers[v] = Buffer(max(old.low, self._padded(low)), max(old.size, self._padded(size)))

    def _reach(self, v: str, a: Axis, n: Node, lane: str | None = None) -> None:
        """Room for every channel that whole vectors of lanes touch."""
        lane = lane or str(self.lane(n))
        extents = extents_of(n, self.types)
        others = [k * (extents[i] - 1) for i, k in a.terms if i != lane]
        step = a.coefficient(lane)
        low = a.const + sum(min(0, x) for x in others)
        high = a.const + sum(max(0, x) for x in others) + step * self._padded(extents[lane])
        self._buffer(v, max(0, -low), high)

    @property
    def place_bytes(self) -> int:
        return sum((b.low + b.size) * self.item for b in self.buffers.values()) + len(self.points) * self.item

    def tile(self, width: int) -> int:
        """Places of a tile, for rows of so many places: as even as can be."""
        most = max(1, min(MOST_PLACES, SCRATCH // max(1, self.place_bytes)))
        return -(-width // -(-width // most))

    @property
    def work(self) -> int:
        """Vectors of one image, roughly."""
        blocks = max(-(-(self.types[i].shape[0] or 1) // self.lanes) for n in self.nodes for i in (*n.inputs, n.name)
                     if self.types[i].batch)
        return blocks * prod(self.domain)

    @property
    def pieces(self) -> int:
        """Items of an image. It depends on shapes alone: so do sums over places, and not on threads."""
        return max(1, min(MOST_PIECES, prod(self.domain) // 16, self.work // WORK))


def plan_places(step: Node, graph: Graph, lanes: int, item: int) -> Plan:
    """The plan of a fused step of a program."""
    nodes: tuple[Node, ...] = step_of(step).nodes
    types = {i: graph.values[i].type for i in step.inputs} | {v.name: v.type for n in nodes for v in n.results}
    return Plan(nodes, types, frozenset(v.name for v in step.results), lanes, item)


def pieces_of(plan: Plan, graph: Graph) -> int:
    """Items of an image: one, where something reads a sum over places before all parts of it are added up."""
    totals = [n.name for n in plan.nodes if plan.total(n)]
    outputs = set(graph.roots)
    whole = any(v in outputs or not all(_adds_up(r, v) for r in graph.readers[v]) for v in totals)
    return 1 if whole else plan.pieces


def _adds_up(step: Node, v: str) -> bool:
    """Whether all that a step does with a value is to add it up."""
    return isinstance(step.op, Step) and step.op.kind == "channel" and all(
        isinstance(n.op, Formula) and n.op.adds_up for n in step.op.nodes if v in n.inputs)


def reads_of(n: Node) -> list[tuple[str, Access]]:
    """The values a formula reads, with the subscripts."""
    bound = dict(zip(n.written.operands, n.inputs))
    return [(bound[r.name], r) for r in n.formula.reads]
