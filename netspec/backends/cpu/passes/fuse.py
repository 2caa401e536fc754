"""Group formulas that can run as one kernel.

    %y += x * w;  %z = y + b;  %r = max(z, 0)        becomes        %r = gather of 3

A map joins the step that makes one of its operands, if its other operands exist by then: the epilogue of a contraction
(`gather`) while the result is in registers, or a kernel that keeps to one image and block of channels (`lanes`), where
any chain of maps, pools and sums over a plane can go. Formulas that cross the channels of a place (`places`: softmax and
its loss, lrn) go together with the maps between them; a map that only they read goes with them too. Per-channel
arithmetic gathers in `channel` steps. Maps that alone read an input come with it (`feed`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from ....ir.formula import Formula, Pieces
from ....ir.graph import Graph, Input, Node, Parameter
from ....ir.layout import Target
from ....ir.types import TensorType
from ....passes.contractions import contraction
from ..families.feeds import feeds
from ..families.kinds import kind_of, stays
from ..families.nests import crossing, domain_of, form_of, nests
from ..families.places import can_follow
from ..families.step import Kind, Step

MOST_IMAGES, MOST_VECTORS, MOST_STORED = 6, 8, 3  # of an epilogue: images read, vectors read, images written
MOST_OPERANDS = 24  # of a lanes step
MOST_CROSSING = 12  # formulas of a places step: what its text reads from the row must fit there


class _Draft:
    """A step in the making: its formulas, the values they make, and those they read of others, as often as they do."""

    __slots__ = ("effect", "kind", "made", "nodes", "order", "reads")

    def __init__(self, kind: Kind, nodes: list[Node], effect: bool = False, order: int = 0) -> None:
        self.kind, self.effect, self.order = kind, effect, order
        self.hold(nodes)

    def hold(self, nodes: list[Node]) -> None:
        """These formulas and no others."""
        self.nodes: list[Node] = []
        self.made: set[str] = set()
        self.reads: list[str] = []
        for n in nodes:
            self.add(n)

    def add(self, n: Node) -> None:
        self.nodes.append(n)
        for i in n.inputs:
            if i not in self.made:
                self.reads.append(i)
        for v in n.results:
            self.made.add(v.name)


@dataclass(frozen=True)
class fuse:  # noqa: N801
    """Formulas become `Step`s. `target` says how many channels a block holds."""

    target: Target

    def __call__(self, graph: Graph) -> Graph:
        fusion = _Fusion(graph, self.target.lanes)
        for n in graph.nodes:
            if isinstance(n.op, Formula | Pieces):
                fusion.place(n)
        fusion.relieve()
        return fusion.graph_of_steps()


@dataclass
class _Fusion:
    graph: Graph
    lanes: int
    drafts: list[_Draft] = field(default_factory=list)
    maker: dict[str, _Draft] = field(default_factory=dict)
    kinds: dict[str, tuple[Kind, bool]] = field(default_factory=dict)  # of the nodes asked for so far
    # a formula, what it makes and reads, as objects of this graph
    alike: dict[tuple[int, ...], tuple[Kind, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roots = set(self.graph.roots)
        self.fed = {m.name: maps for maps in feeds(self.graph).values() for m in maps}

    def place(self, n: Node) -> None:
        if n.name in self.fed:  # with the last of them all that they read is made
            if n is self.fed[n.name][-1]:
                self._begin(_Draft("feed", list(self.fed[n.name]), order=len(self.drafts)))
            return
        kind, crosses = self._kind(n)
        host = None
        if n.effect is None:
            if kind == "places" or crosses:
                host = self._host_of_places(n)
                kind = "places" if kind == "places" or host is not None or self._only_crossed(n) else kind
            if host is not None or kind == "places":
                pass
            elif kind == "lanes":
                host = self._host_of_map(n)
            elif kind in ("filters", "channel") and (host := self._host_of_filters(n)) is not None:
                pass
            elif kind == "channel":
                host = self._host_of_channel(n)
            elif kind == "loop":
                host = self._host_of_loop(n)
        if host is None:
            self._begin(_Draft(kind, [n], n.effect is not None, len(self.drafts)))
            return
        host.add(n)
        for v in n.results:
            self.maker[v.name] = host

    def _begin(self, draft: _Draft) -> None:
        """A step more."""
        self.drafts.append(draft)
        self.maker |= dict.fromkeys(draft.made, draft)

    def _number(self, start: int = 0) -> None:
        for k in range(start, len(self.drafts)):
            self.drafts[k].order = k

    def _producers(self, n: Node) -> list[_Draft]:
        found: list[_Draft] = []
        for i in n.inputs:
            d = self.maker.get(i)
            if d is not None and d not in found:
                found.append(d)
        if len(found) > 1:
            found.sort(key=lambda d: d.order)
        return found

    def _kind(self, n: Node) -> tuple[Kind, bool]:
        """The kind of a formula, and whether it is element-wise and can go along with formulas that cross channels."""
        kind = self.kinds.get(n.name)
        if kind is None:
            kind = self.kinds[n.name] = self._kind_of(n)
        return kind

    def _kind_of(self, n: Node) -> tuple[Kind, bool]:
        """Formulas that are no products of two values are told by their types alone: in a deep network the same over and over."""
        f, values = n.op, self.graph.values
        if not isinstance(f, Formula) or f.is_product:
            return kind_of(n, self.graph, self.lanes), False
        same = (id(f), id(n.type), *[id(values[i].type) for i in n.inputs])
        found = self.alike.get(same)
        if found is None:
            kind = kind_of(n, self.graph, self.lanes)
            found = self.alike[same] = kind, (kind == "lanes" and f.how == "=" and form_of(n) == "map" and stays(n, self.graph))
        return found

    def _type(self, value: str) -> TensorType:
        return self.graph.values[value].type

    # ---- hosts -------------------------------------------------------------------------------------------------------------
    def _host_of_map(self, n: Node) -> _Draft | None:
        producers = self._producers(n)
        hosts = [d for d in producers if d.kind in ("gather", "lanes") and not d.effect]
        while len(hosts) > 1 and hosts[-1].kind == hosts[-2].kind == "lanes" and self._can_sink(hosts[-2], hosts[-1]):
            upper, lower = hosts[-2], hosts[-1]
            lower.hold(upper.nodes + lower.nodes)
            del self.drafts[upper.order]
            self._number(upper.order)
            for v in upper.made:
                self.maker[v] = lower
            hosts.remove(upper)
            producers = self._producers(n)
        if not hosts or producers[-1] is not hosts[-1]:
            return None
        host = hosts[-1]
        if host.kind == "gather":
            return host if self._fits_epilogue(n, host) else None
        return host if self._fits_lanes(n, host) else None

    def _only_crossed(self, n: Node) -> bool:
        """Whether all that reads a value crosses its channels: then it need not be stored, unless it replaces one."""
        readers = self.graph.readers
        if n.name in self.roots or any(i in self.maker and self.maker[i].kind == "gather" and len(readers[i]) == 1
                                       for i in n.inputs):
            return False
        return len(readers[n.name]) > 0 and all(self._kind(r)[0] == "places" for r in readers[n.name])

    def _host_of_places(self, n: Node) -> _Draft | None:
        """The last step of this kind at the same places, where nothing later makes what the formula reads: that step makes
        something of it itself, or reads the same values."""
        producers = self._producers(n)
        last = producers[-1] if producers else None
        for d in reversed(self.drafts[last.order if last else 0:]):
            if d.kind != "places" or d.effect or len(d.nodes) >= MOST_CROSSING:
                continue
            shared = d.made | {i for i in d.reads if self._type(i).batch}
            if any(i in shared for i in n.inputs) and can_follow(n, d.nodes,
                                                                 {i: self._type(i) for m in (n, *d.nodes)
                                                                  for i in (*m.inputs, *(v.name for v in m.results))}):
                return d
        return None

    def _can_sink(self, upper: _Draft, lower: _Draft) -> bool:
        """Whether a whole step may move down into a later one: nothing between reads what it makes. A concatenation stays
        by itself, as its parts may come to lie in place."""
        made = upper.made
        if any(isinstance(m.op, Pieces) for d in (upper, lower) for m in d.nodes):
            return False
        if not self._same_planes(upper.nodes[-1], lower.nodes[-1]) or len(upper.reads) + len(lower.reads) > MOST_OPERANDS:
            return False
        return not any(i in made for d in self.drafts[upper.order + 1:lower.order] for i in d.reads)

    def _same_planes(self, a: Node, b: Node) -> bool:
        return (a.type.batch, a.type.shape[:1]) == (b.type.batch, b.type.shape[:1])

    def _fits_lanes(self, n: Node, host: _Draft) -> bool:
        if not self._same_planes(n, host.nodes[-1]) or isinstance(n.op, Pieces) or any(isinstance(m.op, Pieces)
                                                                                       for m in host.nodes):
            return False
        made = host.made
        for r in n.formula.reads:
            source = dict(zip(n.written.operands, n.inputs))[r.name]
            if source in made and self._type(source).batch and (len(r.axes) < 2 or r.axes[1].bare is None):
                return False  # another block of channels of this very step
        return len(set(host.reads) | set(n.inputs)) + len(host.made) < MOST_OPERANDS

    def _fits_epilogue(self, n: Node, host: _Draft) -> bool:
        """Element by element at the contraction's own places, or a sum over its plane."""
        f, values = n.op, self.graph.values
        if not isinstance(f, Formula) or not _follows(f, tuple([values[i].type for i in n.inputs]), host.nodes[0].type):
            return False
        if f.how == "+=":
            # cut into parts: only a sum over images may read it
            readers = self.graph.readers[n.name]
            if n.name in self.roots or any(r.type.batch or self._kind(r)[0] != "channel" or not r.formula.adds_up
                                           for r in readers):
                return False
        outer = {i for m in (*host.nodes[1:], n) for i in m.inputs}
        vectors = sum(not values[i].type.batch for i in outer)
        images = sum(values[i].type.batch > 0 for i in outer - host.made)
        return images <= MOST_IMAGES and vectors <= MOST_VECTORS

    def _host_of_channel(self, n: Node) -> _Draft | None:
        """The first channel step of this size after everything the node reads."""
        producers = self._producers(n)
        last = producers[-1] if producers else None
        for d in self.drafts[last.order if last else 0:]:
            if d.kind == "channel" and not d.effect and d.nodes[0].type.shape == n.type.shape and len(set(d.reads)
                    | set(n.inputs)) + len(d.made) < MOST_OPERANDS \
                    and (d is last or not (last and last.order >= d.order)):
                return d
        return None

    def _host_of_filters(self, n: Node) -> _Draft | None:
        """The first step along filters of such a weight after everything the node reads, which makes or reads some of it too."""
        if not self.graph.along_filters or any(self._type(i).batch for i in n.inputs):
            return None
        producers = self._producers(n)
        for d in self.drafts[producers[-1].order if producers else 0:]:
            if d.kind != "filters" or len(set(d.reads) | set(n.inputs)) + len(d.made) >= MOST_OPERANDS:
                continue
            shape = max((self._type(v).shape for v in (*d.nodes[0].inputs, d.nodes[0].name)), key=len)
            if n.type.shape in (shape, shape[:1]) and any(i in d.made or (i in d.reads and self._type(i).shape == shape)
                                                          for i in n.inputs):
                return d
        return None

    def _host_of_loop(self, n: Node) -> _Draft | None:
        """The step just before, where both go image by image."""
        if not self.drafts or not n.type.batch:
            return None
        last = self.drafts[-1]
        fits = last.kind == "loop" and not last.effect and last.nodes[0].type.batch == n.type.batch
        same = all(self._type(i).batch in (0, m.type.batch) for m in (n, *last.nodes) for i in m.inputs)
        return last if fits and same else None

    # ---- what leaves a step --------------------------------------------------------------------------------------------------
    def _outside(self, d: _Draft) -> list[str]:
        """Values of a step that another step, or the world, reads."""
        inside = {n.name for n in d.nodes}
        between = crossing(nests(tuple(d.nodes), self._domains(d))) if d.kind == "lanes" and len(d.nodes) > 1 else set()
        between |= {v for n in d.nodes for v in n.inputs if v in d.made} if d.kind == "loop" else set()
        return [v.name for n in d.nodes for v in n.results
                if v.name in self.roots or v.name in between or any(r.name not in inside for r in self.graph.readers[v.name])]

    def _domains(self, d: _Draft) -> dict[str, tuple[int, ...]]:
        out = {}
        for n in d.nodes:
            extents = {} if isinstance(n.op, Pieces) else n.formula.extents(tuple(self._type(i) for i in n.inputs),
                                                                            tuple(v.type for v in n.results))
            out[n.name] = domain_of(n, extents)
        return out

    def relieve(self) -> None:
        """An epilogue stores a few images at the most: maps beyond that leave again, as a step of their own."""
        for d in list(self.drafts):
            if d.kind != "gather" or len(d.made) <= MOST_STORED:
                continue
            out: list[Node] = []
            while len([v for v in self._outside(d) if len(self._type(v).shape) == len(d.nodes[0].type.shape)]) > MOST_STORED:
                out.insert(0, d.nodes[-1])
                d.hold(d.nodes[:-1])
            if out:
                new = _Draft("lanes", out)
                self.drafts.insert(self.drafts.index(d) + 1, new)
                for v in new.made:
                    self.maker[v] = new
        self._number()

    def graph_of_steps(self) -> Graph:
        nodes: list[Node] = [n for n in self.graph.nodes if isinstance(n.op, Input | Parameter)]
        effects: list[Node] = []
        for d in self.drafts:
            outside = self._outside(d)
            sums = tuple(v for v in outside if d.kind in ("gather", "lanes") and self._is_sum(v, d))
            stored = [v for v in outside if v not in sums]
            if d.kind == "gather" and not stored:  # its sums are all that is wanted, and they are taken as it stores its images
                stored = [d.nodes[0].name]
            inputs = tuple(dict.fromkeys(d.reads))
            results = tuple(self.graph.values[v] for v in (*stored, *sums))
            last = d.nodes[-1]
            node = Node(results[0].name,
                        Step(d.kind, tuple(d.nodes), sums, product=contraction(d.nodes[0], self.graph)
                             if d.kind in ("gather", "outer") else None), inputs, results, effect=last.effect,
                             spans=d.nodes[0].spans,
                        notes=tuple(dict.fromkeys(x for n in d.nodes for x in n.notes)), scope=d.nodes[0].scope)
            (effects if d.effect else nodes).append(node)
        return replace(self.graph, nodes=(*nodes, *effects))

    def _is_sum(self, value: str, d: _Draft) -> bool:
        node = self.graph.maker[value]
        f = node.op
        return isinstance(f, Formula) and f.how == "+=" and node is not d.nodes[0] and len(node.type.shape) == 1 \
            and len(f.target.axes) == 2 and any(len(r.axes) > 2 for r in f.reads)


@lru_cache(maxsize=4096)
def _follows(f: Formula, operands: tuple[TensorType, ...], shape: TensorType) -> bool:
    """Whether a formula works at the places of an image of that shape: element by element, or summing up a plane."""
    if f.is_random or f.how == "max=" or len(f.targets) > 1 or f.numbers:
        return False
    types = dict(zip(f.operands, operands))
    images = [r for r in f.reads if types[r.name].batch]
    if not images or any(types[r.name] != shape or r.compound or r.bare != images[0].bare for r in images):
        return False
    place = images[0].bare
    for r in f.reads:
        t = types[r.name]
        if not t.batch and (len(t.shape) != 1 or r.bare != (place[1],)):
            return False
    return f.target.bare == (place if f.how == "=" else place[:2]) and (f.how == "=" or len(place) > 2)
