"""Planned program -> calls with literal arguments, in order, with barriers where memory demands them.

A call is what one line of the emitted module says. Pure Python: nothing is compiled here.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ...ir.contraction import renamed
from ...ir.expressions import with_leaves
from ...ir.formula import Formula, access
from ...ir.graph import Graph, Input, Node, Parameter, images_of
from ...ir.intervals import Intervals
from ...ir.layout import Image, Layout, Packed, Target, Vector, round_up
from .contract import schedule as contract
from .contract.calls import Call, Kernel, Plan
from .emit.feed import rows_of
from .emit.lanes import Emitted
from .emit.move import emit_move
from .emit.once import emit
from .emit.pairs import emit_pairs
from .emit.places import emit_places
from .families.step import Step, step_of, unfused

Span = tuple[str, int, int, int, int, int]  # space, first and last byte; bytes of an image, and those of it that are meant

# Bytes of partial weight gradients that may wait to be added up. Adding up many at once takes one barrier for all; beyond
# this, memory counts for more, and the next ones take the place of those before.
WAITING = 1 << 26


@dataclass(frozen=True)
class Section:
    """Calls of one function of the emitted module; None is a barrier. `nodes` tells what each call computes."""

    calls: tuple[Call | None, ...]
    nodes: dict[str, Node] = field(default_factory=dict)  # call name -> step

    def run(self, machine: Any) -> None:
        """Do the calls, as the text of the emitted function does them (module.py), which need not be written for it."""
        for call in self.calls:
            if call is None:
                machine.barrier()
            else:
                machine.do(call)


@dataclass(frozen=True)
class Schedule:
    """All that runs for one program, and the memory it needs beside the arena."""

    prepare: Section  # what depends on weights alone
    main: Section
    effects: Section
    kernels: dict[str, str]  # name -> text
    layouts: dict[str, Layout]
    derived: dict[str, int]  # workspaces: name -> byte in the space `workspace`
    workspace: int  # bytes

    @property
    def functions(self) -> tuple[Callable[[Any], None], ...]:
        """What runs it against a machine: prepare, main, effects."""
        return self.prepare.run, self.main.run, self.effects.run

    def layers(self, of: Container[str]) -> Callable[[str], str]:
        """Which layer, of those of a network, a call computes, by the call's name; where it computes several, the one whose
        formula is the first. What prepares or finishes a call has its name with something behind it. "" where it is of none."""
        nodes = self.main.nodes | self.effects.nodes

        def layer(call: str) -> str:
            step = next((nodes[name] for name in _outwards(call) if name in nodes), None)
            scope = "" if step is None else step_of(step).nodes[0].scope
            return next((name for name in _outwards(scope) if name in of), "")

        return layer


def _outwards(name: str) -> Iterator[str]:
    """`a.b.c`, `a.b`, `a`."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def schedule(graph: Graph, target: Target) -> Schedule:
    return _Scheduler(graph, target).run()


@dataclass
class _Scheduler:
    graph: Graph
    target: Target
    kernels: dict[str, str] = field(default_factory=dict)
    workspace: dict[str, int] = field(default_factory=dict)  # what lives as long as the weights do: name -> byte
    top: int = 0
    # behind it, what a call leaves for its finish: name -> first and last byte
    passing: dict[str, tuple[int, int]] = field(default_factory=dict)
    taken: int = 0  # of those that wait for their finish
    most: int = 0
    nodes: dict[str, Node] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)

    def run(self) -> Schedule:
        prepare: dict[str, Call] = {}
        scaled: list[Call] = []  # what makes weights of others
        main: list[Call] = []
        late: list[Call] = []
        effects: list[Call] = []
        self.layouts: dict[str, Layout] = {v.name: v.layout for n in self.graph.nodes for v in n.results if v.layout is not None}
        self.inner = unfused(self.graph)
        constant = {n.name for n in self.graph.nodes if isinstance(n.op, Parameter)}
        for n in self.graph.nodes:
            if not isinstance(n.op, Step) or n.op.idle:
                continue
            if n.op.kind in ("gather", "outer"):
                plan = self.contract(n)
                for w in plan.derived:
                    self.room(w.name, w.bytes)
                if self.taken and self.taken + sum(w.bytes for w in plan.workspace) > WAITING:
                    main += late
                    late, self.taken = [], 0
                for w in plan.workspace:
                    self.passing[w.name] = self.taken, self.taken + w.bytes
                    self.taken += round_up(w.bytes, 128)
                    self.most = max(self.most, self.taken)
                prepare |= {c.name: c for c in plan.prepare}
                main.append(plan.main)
                self.nodes[plan.main.name] = n
                postponed = n.op.kind == "outer" and not self.graph.readers[n.name]
                (late if postponed else main).extend(plan.finish)
            else:
                call = self.kernel(n)
                self.nodes[call.name] = n
                early = n.op.kind == "filters" and constant.issuperset(n.inputs)
                constant |= {v.name for v in n.results} if early else set()
                (scaled if early else effects if n.effect else main).append(call)
        places = self.workspace | {name: self.top + first for name, (first, _) in self.passing.items()}
        first = Section(self.barriers([*scaled, *prepare.values()]), self.nodes)
        return Schedule(first, Section(self.barriers([*main, *late]), self.nodes), Section(self.barriers(effects), self.nodes),
                        self.kernels, self.layouts, places, self.top + self.most)

    def room(self, name: str, size: int) -> None:
        if name not in self.workspace:
            self.workspace[name] = self.top
            self.top += round_up(size, 128)

    # ---- contractions --------------------------------------------------------------------------------------------------------
    def contract(self, n: Node) -> Plan:
        step, first = step_of(n), step_of(n).nodes[0]
        f = first.formula
        assert step.product is not None
        c = renamed(step.product, dict(zip(f.operands, first.inputs))
                    | {t.name: r.name for t, r in zip(f.targets, first.results)})
        if step_of(n).kind == "outer":
            return contract.plan_outer(c, n.name, image=(c.image, self.image(c.image)), out=(c.out, self.image(c.out)),
                                       into=n.name, target=self.target, form=step_of(n).form)
        stored = tuple(v.name for v in n.results if v.name not in step_of(n).sums)
        epilogue, extras, vectors = self.epilogue(n, stored)
        if not stored:  # a sum is all that is wanted of it: the images still have to be somewhere
            raise AssertionError(f"%{n.name}: a contraction that stores nothing")
        weight = self.layouts[c.weight]
        assert isinstance(weight, Packed)
        return contract.plan_gather(c, n.name, image=(c.image, self.image(c.image)), weight=(c.weight, weight.order),
                                    outputs=tuple((v, self.image(v)) for v in stored), target=self.target,
                                    extras=tuple((v, self.image(v)) for v in extras),
                                    vectors=vectors, sums=step_of(n).sums, epilogue=epilogue, form=step_of(n).form)

    def image(self, v: str) -> Image:
        layout = self.layouts[v]
        assert isinstance(layout, Image), f"%{v} is no image"
        return layout

    def epilogue(self, n: Node, stored: tuple[str, ...]) -> tuple[tuple[tuple[str, Any, str], ...], tuple[str, ...],
                                                                  tuple[str, ...]]:
        """The formulas behind a contraction in canonical names: acc, e0.., c0.., t0..; with the operands these stand for."""
        first = step_of(n).nodes[0].name
        names = {first: "acc"}
        extras: list[str] = []
        vectors: list[str] = []
        out: list[tuple[str, Any, str]] = []
        if first in stored:
            out.append(("store", stored.index(first), "acc"))
        for j, m in enumerate(step_of(n).nodes[1:]):
            f = m.formula
            for i in m.inputs:
                if i not in names:
                    group, letter = (extras, "e") if self.inner.values[i].type.batch else (vectors, "c")
                    names[i] = f"{letter}{len(group)}"
                    group.append(i)
            text = _substituted(f, tuple((o, names[i]) for o, i in zip(f.operands, m.inputs)))
            if m.name in step_of(n).sums:
                out.append(("sum", step_of(n).sums.index(m.name), text))
                continue
            names[m.name] = f"t{j}"
            out.append(("let", f"t{j}", text))
            if m.name in stored:
                out.append(("store", stored.index(m.name), f"t{j}"))
        return tuple(out), tuple(extras), tuple(vectors)

    # ---- emitted kernels -------------------------------------------------------------------------------------------------------
    def kernel(self, n: Node) -> Call:
        kind = step_of(n).kind
        if kind == "move":
            move, text = emit_move(n, self.graph, self.target.dtype, self.target.lanes)
            self.kernels[move.kernel] = text
            return move
        if kind == "places":
            p = emit_places(n, self.graph, self.target.dtype, self.target.lanes)
            return replace(self.call(n, p, 1, n.type.batch, p.chunk), pieces=p.pieces, scratch=p.scratch)
        if kind == "pairs":
            e, scratch = emit_pairs(n, self.graph.values, self.target.dtype, self.target.lanes)
            return replace(self.call(n, e, n.type.shape[0] or 1, n.type.batch, 1), scratch=scratch)
        e = emit(n, self.graph.values, self.target.dtype, self.target.lanes)
        if kind == "feed":
            rows = rows_of(self.image(n.name))
            return replace(self.call(n, e, 1, n.type.batch, rows.chunk), pieces=rows.pieces, scratch=self.target.vector)
        if kind == "lanes":
            return self.call(n, e, n.type.shape[0] or 1, n.type.batch, _chunk(n))
        if kind == "filters":
            return self.call(n, e, max((self.inner.values[v].type.shape for v in n.inputs), key=len)[0] or 1, 0, 0)
        if kind == "channel":
            images = max((self.graph.values[i].type.batch for i in n.inputs), default=0)
            return self.call(n, e, n.type.shape[0] or 1, images, 0)
        if kind == "flat":
            return self.call(n, e, self.layouts[n.name].size, 0, 4096)  # type: ignore[union-attr]
        types = {v: self.inner.values[v].type
                 for v in (*step_of(n).nodes[0].inputs, *(r.name for r in step_of(n).nodes[0].results))}
        images = images_of(step_of(n).nodes[0],
                           types) if n.type.batch else max((self.graph.values[i].type.batch for i in n.inputs),
                                                                          default=1)
        return self.call(n, e, 1, images, 1 if n.type.batch else 0)

    def call(self, n: Node, e: Emitted, channels: int, images: int, chunk: int) -> Kernel:
        self.kernels[e.name] = e.text
        return Kernel(n.name, e.name, e.operands, (n.effect,) if n.effect else tuple(v.name for v in n.results), e.outputs,
                      e.sizes, channels, images, chunk, e.shifts if any(e.shifts) else ())

    # ---- barriers --------------------------------------------------------------------------------------------------------------
    def barriers(self, calls: Iterable[Call]) -> tuple[Call | None, ...]:
        """A barrier only where a call touches memory that one since the last barrier wrote, or writes what one read."""
        out: list[Call | None] = []
        read, wrote = _Touched(), _Touched()
        for c in calls:
            for v in (*c.reads, *c.writes):
                if v not in self.spans:
                    self.spans[v] = self.span(v)
            r, w = c.reads, c.writes
            if wrote.meet(r, self.spans) or wrote.meet(w, self.spans) or read.meet(w, self.spans):
                out.append(None)
                read, wrote = _Touched(), _Touched()
            out.append(c)
            read.names += r
            wrote.names += w
        return tuple(out)

    def span(self, v: str) -> Span:
        layout = self.layouts.get(v)
        if isinstance(layout, Image):
            inside = (layout.plus, layout.plus + layout.blocks * layout.block) if layout.block else (0, layout.image)
            return "arena", layout.at, layout.at + round_up(layout.bytes, 64), layout.image, *inside
        if isinstance(layout, Vector | Packed):
            return layout.space, layout.at, layout.at + layout.size, 0, 0, 1
        return ("passing", *self.passing[v], 0, 0, 1) if v in self.passing else (v, 0, 1, 0, 0, 1)


def _chunk(n: Node) -> int:
    """Images of an item: enough work to be worth handing out."""
    places = 1
    for s in n.type.shape[1:]:
        places *= s or 1
    return max(1, 256 // max(1, places))


class _Touched:
    """Values that calls since the last barrier read, or wrote. One that shares bytes with them is told without going through all
    of them; most are told by name, before anybody asks for bytes."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.counted = 0  # how many of them are in what follows
        self.known: set[str] = set()
        self.spans: dict[str, list[Span]] = defaultdict(list)
        self.bytes: dict[str, Intervals] = defaultdict(Intervals)

    def meet(self, values: Sequence[str], spans: Mapping[str, Span]) -> bool:
        if not self.names:
            return False
        new = self.names[self.counted:]
        self.known.update(new)
        if not self.known.isdisjoint(values):
            return True
        self.counted += len(new)
        for v in new:
            s = spans[v]
            self.spans[s[0]].append(s)
            self.bytes[s[0]].add(s[1], s[2])
        return any(self._meets(spans[v]) for v in values)

    def _meets(self, s: Span) -> bool:
        taken = self.bytes.get(s[0])
        return taken is not None and taken.end_of_first(s[1], s[2]) is not None and any(_touch(s, x) for x in self.spans[s[0]])


def _touch(a: Span, b: Span) -> bool:
    """Views of one buffer meet where their blocks do."""
    if a[0] != b[0] or a[1] >= b[2] or b[1] >= a[2]:
        return False
    same_buffer = a[1] == b[1] and a[3] == b[3]
    return not same_buffer or (a[4] < b[5] and b[4] < a[5])


@lru_cache(maxsize=4096)
def _substituted(f: Formula, names: tuple[tuple[str, str], ...]) -> str:
    spelled = dict(names)

    return ast.unparse(with_leaves(f.right, lambda x: ast.Name(spelled[access(x).name]) if isinstance(x, ast.Subscript) else x))


def inputs_of(graph: Graph, role: str) -> list[Node]:
    return [n for n in graph.nodes if isinstance(n.op, Input) and n.op.role == role]
