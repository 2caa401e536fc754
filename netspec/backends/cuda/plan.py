"""From a checked network to the kernels of one entry: passes, groups of formulas, places. Nothing is compiled here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from ...ir.formula import Formula, Pieces
from ...ir.graph import Graph, Input, Node, Parameter
from ...ir.intervals import first_fit
from ...ir.layout import round_up
from ...passes import SIMPLIFY, Pipeline, given, run
from ...passes.split_sums import split_sums
from .body import Kernel, checks
from .kernels import Group, is_long, per_block, per_item
from .places import ALIGNED, Place
from .tiles import per_tile, tiling

PROGRAM: Pipeline = (*SIMPLIFY, split_sums)


@dataclass(frozen=True)
class Plan:
    """An entry's kernels in order, and the elements of its spaces."""

    program: Graph
    kernels: tuple[Kernel, ...]
    effects: tuple[Kernel, ...]  # what overwrites buffers: running statistics
    places: Mapping[str, Place]
    scalars: tuple[str, ...]  # numbers that the runtime sets, in the order of their places
    arena: int  # elements a sample
    vectors: int


def store_places(graph: Graph) -> tuple[dict[str, Place], int]:
    """Where parameters lie, trainable ones first, and how many elements all take."""
    out, at = {}, 0
    for p in sorted(graph.parameters, key=lambda p: not p.trainable):
        out[p.name] = Place("weights", at)
        at += round_up(p.size, ALIGNED)
    return out, at


def plan(program: Graph, store: Mapping[str, Place]) -> Plan:
    program = run(program, given(PROGRAM))
    groups = grouped(program)
    places, arena, vectors = _places(program, groups, store)
    kernels: list[Kernel] = []
    effects: list[Kernel] = []
    types = {k: v.type for k, v in program.values.items()}
    for g in groups:
        t = tiling(g.nodes[0], types)
        if t is not None:
            made, vectors = per_tile(g, types, places, t, vectors)
        else:
            made = [(per_block if is_long(g.nodes[0], types) else per_item)(g, types, places)]
        note = "; ".join(dict.fromkeys(f"{n.name}: {n.notes[0]}" if n.notes else n.name for n in (g.nodes[0], g.nodes[-1])))
        (effects if g.nodes[0].effect else kernels).extend(replace(k, note=note) for k in made)
    return Plan(program, tuple(kernels), tuple(effects), places, tuple(_scalars(program)), arena, vectors)


# ---------------------------------------------------------------- groups


def grouped(program: Graph) -> list[Group]:
    """Each formula with the maps that can go along with it: on the same places, where all else they read is made before."""
    drafts: list[list[Node]] = []
    made: dict[str, int] = {}
    for n in program.nodes:
        if not isinstance(n.op, Formula | Pieces):
            continue
        latest = max((made[i] for i in n.inputs if i in made), default=-1)
        if latest >= 0 and _goes_along(n, drafts[latest], made, latest, program):
            drafts[latest].append(n)
        else:
            latest = len(drafts)
            drafts.append([n])
        made |= {v.name: latest for v in n.results}
    roots = set(program.roots)
    read_by: dict[str, set[int]] = {}
    for k, d in enumerate(drafts):
        for n in d:
            for i in n.inputs:
                read_by.setdefault(i, set()).add(k)
    return [Group(tuple(d), frozenset(v.name for n in d for v in n.results if v.name in roots or read_by.get(v.name, set())
                                      - {k})) for k, d in enumerate(drafts)]


def _goes_along(n: Node, group: list[Node], made: Mapping[str, int], at: int, program: Graph) -> bool:
    """Whether a formula is a map over the places of a group, of which it reads nothing but its own place."""
    host, f = group[0], n.op
    if not isinstance(f,
                      Formula) or f.how != "=" or f.reduced or n.effect or host.effect or host.type != n.type or len(
                          f.targets) > 1:
        return False
    if isinstance(host.op, Formula) and len(host.op.targets) > 1:
        return False
    if any(a.bare is None and (a.terms or a.const) for a in f.target.axes):
        return False
    bound = dict(zip(f.operands, n.inputs))
    types = tuple(program.values[i].type for i in n.inputs)
    if checks(f, types, f.extents(types, (n.type,))):
        return False
    return all(r.axes == f.target.axes for r in f.reads if made.get(bound[r.name]) == at)


# ---------------------------------------------------------------- places

KEYS = 8  # scalars of a program at most


def _scalars(program: Graph) -> list[str]:
    return [n.name for n in program.nodes if isinstance(n.op, Input) and n.op.role == "scalar"]


def _places(program: Graph, groups: list[Group], store: Mapping[str, Place]) -> tuple[dict[str, Place], int, int]:
    """Where every stored value lies; elements of the arena for each sample, elements of vectors."""
    places: dict[str, Place] = {n.name: store[n.name] for n in program.nodes if isinstance(n.op, Parameter)}
    gradients = {g: Place("gradients", store[p].at) for p, g in program.gradients if p in store}
    places |= {k: Place("keys", at) for at, k in enumerate(_scalars(program))}
    vectors = 0
    end = len(groups)  # effects run last
    first: dict[str, int] = {n.name: -1 for n in program.nodes if isinstance(n.op, Input) and n.name not in places}
    last: dict[str, int] = dict.fromkeys(first, -1)
    for k, g in enumerate(groups):
        host = g.nodes[0]
        for v in (v for n in g.nodes for v in n.results if v.name in g.stored or n.effect):
            if host.effect and v.name == host.name:
                places[v.name] = store[host.effect]
            elif v.name in gradients:
                places[v.name] = gradients[v.name]
            elif v.type.batch:
                first[v.name] = last[v.name] = k
            else:
                places[v.name] = Place("vectors", vectors)
                vectors += round_up(v.type.size, ALIGNED)
        for i in (i for n in g.nodes for i in n.inputs if i in last):
            last[i] = max(last[i], end if host.effect else k)
    last |= dict.fromkeys((v for _, v in (*program.outputs, *program.gradients) if v in last), end)
    sizes = {v: round_up(program.values[v].type.batch * prod(s or 0 for s in program.values[v].type.shape), ALIGNED)
             for v in first}
    where, arena = first_fit({v: (sizes[v], first[v], last[v]) for v in first})
    return places | {v: Place("arena", at) for v, at in where.items()}, arena, vectors
