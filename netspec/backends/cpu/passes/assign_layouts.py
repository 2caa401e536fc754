"""Choose how every value is stored: channels in blocks of a vector, a zero halo where a window reaches past the edge.

Values that several steps share agree; a weight is stored in the order its gradient is written, which its forward
formula alone decides, so that every entry of a network shares one parameter store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from ....ir.contraction import Contraction
from ....ir.formula import Formula
from ....ir.graph import Graph, Input, Node, Parameter, Value
from ....ir.layout import Image, Layout, Outside, Packed, Target, Vector, blocked, channels_last, round_up
from ....ir.weight_order import WeightOrder, choose_lanes, master_order, prefers_channels_last
from ....passes.contractions import contraction
from ..families.feeds import feeds
from ..families.places import pieces_of, plan_places, reads_of
from ..families.step import Form, Step, step_of, unfused
from .place_moves import place_moves, share_halos
from .place_views import place_views

Triple = tuple[int, int, int]


class Sums(Protocol):
    def __call__(self, c: Contraction, count: int, layout: Image, form: Form) -> tuple[Image, ...]: ...


def choose_block(program: Graph, target: Target) -> Target:
    """The target with the block width that wastes least on this (forward) program."""
    every = [c for n in program.nodes if (c := contraction(n, program)) is not None]
    return replace(target, block=choose_lanes(every, target.vector // target.item))


def store_layouts(program: Graph, training: Graph, target: Target) -> dict[str, Vector | Packed]:
    """Where each parameter lies in the flat store: trainable ones first, then the others. `program` and `training` are the
    forward programs in evaluation and in training mode, not yet fused. What a weight is multiplied with may be an input in
    one and made of it in the other (dropout): only where both read an input does its order follow the input's."""
    packed = _packed_weights(program, target)
    packed |= {w: p for w, p in _packed_weights(training, target).items() if not p.order.last}
    out: dict[str, Vector | Packed] = {}
    at = 0
    parameters = [(n.op.trainable, n) for n in program.nodes if isinstance(n.op, Parameter)]
    for _, n in sorted(parameters, key=lambda p: not p[0]):
        layout: Vector | Packed = packed[n.name] if n.name in packed else Vector(n.type.size, "parameters")
        out[n.name] = replace(layout, at=at)
        at += round_up(layout.size, 16)
    return out


def _packed_weights(program: Graph, target: Target) -> dict[str, Packed]:
    last = _channels_last_inputs(program)
    out: dict[str, Packed] = {}
    for n in program.nodes:
        c = contraction(n, program)
        if c is None or not n.type.batch:
            continue
        weight = next(i for i in n.inputs if program.values[i].type.batch == 0)
        image = next(i for i in n.inputs if i != weight)
        types = [program.values[i].type for i in n.inputs]
        weight = program.scaled_weights.get(weight, weight)
        out.setdefault(weight, Packed(master_order(n.formula, types, [n.type], target.lanes, image in last)))
    return out


def _channels_last_inputs(program: Graph) -> set[str]:
    """Network inputs, after the maps that come with them, that only contractions read, at taps, and that are narrow."""
    out, fed = set(), feeds(program)
    for n in program.nodes:
        if not isinstance(n.op, Input) or n.op.role != "input" or not n.type.batch:
            continue
        x = fed[n.name][-1].name if n.name in fed else n.name
        readers = [(m, contraction(m, program)) for m in program.readers[x]]
        if _read_at_taps(x, readers) and x not in program.public.values():
            out.add(x)
    return out


def _read_at_taps(value: str, readers: list[tuple[Node, Contraction | None]]) -> bool:
    """Whether contractions read a value, at taps, and nothing else does."""
    return bool(readers) and all(c is not None and _image_of(m, c) == value and prefers_channels_last(c) for m, c in readers)


def _image_of(node: Node, c: Contraction) -> str:
    """The value a contraction reads at taps."""
    names: dict[str, str] = dict(zip(node.written.operands, node.inputs)) | {t.name: r.name
                                                                             for t, r in zip(node.written.targets, node.results)}
    return names[c.image]


@dataclass(frozen=True)
class assign_layouts:  # noqa: N801
    """Give every value of a fused program a layout. `store` holds the layouts of parameters."""

    target: Target
    store: Mapping[str, Vector | Packed]
    sums: Sums  # how a contraction's sums over a plane are cut into parts: the backend's planner knows

    def __call__(self, graph: Graph) -> Graph:
        return _Assignment(graph, self.target, self.store, self.sums).run()


@dataclass
class _Assignment:
    graph: Graph
    target: Target
    store: Mapping[str, Vector | Packed]
    sums: Sums
    layouts: dict[str, Layout] = field(default_factory=dict)
    last: set[str] = field(default_factory=set)  # network inputs stored channels-last
    scaled: Mapping[str, str] = field(default_factory=dict)  # weights with scaled filters -> parameters

    def run(self) -> Graph:
        g = self.graph
        cs = {n.name: (n.op.nodes[0], n.op.product) for n in g.nodes if isinstance(n.op, Step) and n.op.product is not None}
        if any(step_of(n).kind == "filters" for n in g.nodes if isinstance(n.op, Step)):
            self.scaled = unfused(g).scaled_weights
        halo: dict[str, Triple] = {}
        for m, c in cs.values():
            image = _image_of(m, c)
            old = halo.get(image, (0, 0, 0))
            halo[image] = (max(old[0], c.halo[0]), max(old[1], c.halo[1]), max(old[2], c.halo[2]))
        halo = share_halos(g, halo)
        self.last = self._narrow_inputs({m.name: c for m, c in cs.values()})
        gradient_of = {v: p for p, v in g.gradients}
        for n in g.nodes:
            for v in n.results:
                self.layouts[v.name] = self._layout(n, v, halo.get(v.name, (0, 0, 0)), v.name in self.last, cs, gradient_of)
            if isinstance(n.op, Step) and n.op.sums:
                self._interleave(n, cs)
        layouts, placed = place_views(g, self.layouts)
        layouts, aliases = place_moves(g, layouts)
        placed |= aliases
        nodes = []
        for n in g.nodes:
            results = tuple([Value(v.name, v.type, layouts[v.name]) for v in n.results])
            nodes.append(n.giving(results, replace(step_of(n), placed=placed[n.name]) if placed.get(n.name) else None))
        return g.with_nodes(nodes)

    def _narrow_inputs(self, cs: dict[str, Contraction]) -> set[str]:
        """Network inputs that are stored channels-last: `cs` are the contractions that steps begin with."""
        inputs = [n.name for n in self.graph.nodes if n.type.batch and (_is_feed(n) or (isinstance(n.op, Input)
                                                                                        and n.op.role == "input"))]
        outputs = set(self.graph.public.values())
        readers = {x: [(m, cs.get(m.name)) for s in self.graph.readers[x] for m in step_of(s).nodes if x in m.inputs]
                   for x in inputs if x not in outputs}
        narrow = {x for x, ms in readers.items() if _read_at_taps(x, ms) and all(self._as_stored(m, c) for m, c in ms)}
        return narrow | self._labels()

    def _as_stored(self, m: Node, c: Contraction | None) -> bool:
        """Whether a channels-last image suits the order in which a contraction's weight is stored: of fewer channels than a
        block has, any does."""
        few = c is not None and c.ins < self.target.lanes
        return few or all(p.order.last for i in m.inputs if isinstance(p := self.store.get(self.scaled.get(i, i)), Packed))

    def _labels(self) -> set[str]:
        """Inputs of one number a place that only steps at places read: a vector of lanes would be padding but for that."""
        out = set()
        for n in self.graph.nodes:
            if isinstance(n.op,
                          Input) and n.type.batch and n.type.shape[0] == 1 and len(
                              n.type.shape) > 1 and n.name not in self.graph.roots:
                readers = self.graph.readers[n.name]
                if readers and all(step_of(s).kind == "places" for s in readers) and all(_is_one(m, n.name) for s in readers
                                                                                         for m in step_of(s).nodes
                                                                                         if n.name in m.inputs):
                    out.add(n.name)
        return out

    def _layout(self, n: Node, v: Value, halo: Triple, last: bool, cs: dict[str, tuple[Node, Contraction]],
                gradient_of: dict[str, str]) -> Layout:
        t, item, lanes = v.type, self.target.item, self.target.lanes
        if t.batch:
            sizes = tuple(s or 0 for s in t.shape)
            if isinstance(n.op, Input) and any(_is_feed(r) for r in self.graph.readers[v.name]):
                return Outside(sizes, item, t.batch)
            if isinstance(n.op, Step) and n.op.kind == "places":
                plan = plan_places(n, self.graph, lanes, item)
                if any(m.name == v.name and plan.total(m) for m in plan.nodes):  # a part for each item of an image
                    return blocked(1, (pieces_of(plan, self.graph),), (0,), lanes, item, t.batch)
            make = channels_last if last else blocked
            return make(sizes[0], sizes[1:], halo[3 - len(sizes[1:]):], lanes, item, t.batch)
        if isinstance(n.op, Parameter):
            return self.store[n.name]
        if n.effect is not None:
            return self.store[n.effect]  # written over the old value
        if isinstance(n.op, Input) and n.op.role == "scalar":
            return Vector(1, "scalars")
        if v.name in gradient_of and gradient_of[v.name] in self.store:
            like = self.store[gradient_of[v.name]]
            return Vector(like.size, "gradients", like.at) if isinstance(like, Vector) else replace(like, space="gradients")
        if n.name in cs:
            m, c = cs[n.name]
            return Packed(WeightOrder(c, lanes, _image_of(m, c) in self.last), "vectors")
        if isinstance(n.op, Step) and n.op.kind == "filters" and len(t.shape) > 1:
            like = next(x for i in n.inputs if isinstance(x := self.layouts[i], Packed))
            return replace(like, space="vectors", at=-1)
        if isinstance(n.op, Step) and n.op.kind == "flat":
            first = self.layouts[n.inputs[0]]
            return replace(first, space="vectors", at=-1) if isinstance(first, Vector | Packed) else Vector(t.size)
        if isinstance(n.op, Input) and n.op.role == "prepared" and len(t.shape) > 1:
            reader = next((m for s in self.graph.readers[v.name] if isinstance(s.op, Step) for m in s.op.nodes
                           if v.name in m.inputs), None)
            if reader is not None and (made := cs.get(self.graph.readers[v.name][0].name)) is not None:
                types = [self.graph.values[i].type for i in reader.inputs]
                return Packed(master_order(reader.formula, types, [reader.type], lanes, _image_of(*made) in self.last), "vectors")
        return Vector(t.size)

    def _interleave(self, n: Node, cs: dict[str, tuple[Node, Contraction]]) -> None:
        """Sums over a plane of one step lie side by side in one buffer, a pixel for each part they are cut into."""
        like = self.layouts[step_of(n).sums[0]]
        assert isinstance(like, Image)
        made = self.sums(cs[n.name][1], len(step_of(n).sums), like,
                         step_of(n).form) if n.name in cs else interleaved(len(step_of(n).sums), like)
        for v, layout in zip(step_of(n).sums, made):
            self.layouts[v] = layout


def _is_feed(n: Node) -> bool:
    return isinstance(n.op, Step) and n.op.kind == "feed"


def _is_one(n: Node, value: str) -> bool:
    """Whether a formula reads the one channel of a value as a number for all of its own."""
    return isinstance(n.op, Formula) and all(not a.axes[1].terms for v, a in reads_of(n) if v == value)


@lru_cache(maxsize=4096)
def interleaved(count: int, like: Image) -> tuple[Image, ...]:
    """Layouts of `count` sums of one plane, side by side: [image][block][sum][lane]. They belong at the same `at`."""
    vector = like.lanes * like.item
    block = count * vector
    return tuple(replace(like, extents=(1, 1, 1), halo=(0, 0, 0), pixel=block, row=block, plane=block, block=block,
                         image=like.blocks * block, plus=k * vector) for k in range(count))
