"""Write formulas so that they keep to one block of channels: where a value has its images, channels or places in another
order than the result, move it first.

    y[n,c,h,w] max= x[12*n+v,c,h,w]      becomes      x.v[n,c,v,h,w] = x[12*n+v,c,h,w];  y[n,c,h,w] max= x.v[n,c,v,h,w]
    y[n,o] += t[n,o,j] * x[n,j]          becomes      x.v[n,0,j] = x[n,j];  y[n,o] += t[n,o,j] * x.v[n,0,j]

A move costs nothing where `place_moves` finds that one value is the other with other strides, as in the first line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....ir.formula import Access, Axis, Formula
from ....ir.graph import Graph, Node, Value
from ....ir.layout import Target
from ....ir.types import TensorType
from ..families.kinds import keeps_to_lanes, kind_of

NAMES = "abefgj"  # indices of a move


@dataclass(frozen=True)
class line_up:  # noqa: N801
    """`target` says how many channels a block holds."""

    target: Target

    def __call__(self, graph: Graph) -> Graph:
        nodes: list[Node] = []
        for n in graph.nodes:
            loose = (isinstance(n.op,
                               Formula) and n.type.batch > 0 and not n.op.is_random and not n.op.diagonal and n.effect is None
                               and kind_of(n, graph, self.target.lanes) == "loop")
            nodes += (_lined_up(n, graph, self.target.lanes) if loose else None) or [n]
        return graph if tuple(nodes) == graph.nodes else graph.with_nodes(nodes)


@dataclass(frozen=True)
class _Order:
    """How a value is seen: [n, channel, places], each one of its own subscripts, the views (-1), or nothing (None)."""

    views: int  # images that a sample has, taken apart; 1: none
    axes: tuple[int | None, ...]

    def shape(self, t: TensorType) -> tuple[int, ...]:
        return tuple(1 if k is None else self.views if k < 0 else t.shape[k - 1] or 0 for k in self.axes)

    def seen(self, a: Access, name: str) -> Access:
        views = Axis(tuple(x for x in a.axes[0].terms if x[0] != "n"), a.axes[0].const)
        return Access(name, (Axis.of("n"), *(Axis(()) if k is None else views if k < 0 else a.axes[k] for k in self.axes)))

    def accesses(self, t: TensorType) -> tuple[tuple[Axis, ...], tuple[Axis, ...], dict[str, int]]:
        """The value's own subscripts and those it is seen by, of a move; with the extents."""
        letters = {k: NAMES[k + 1 if k < 0 else k] for k in range(-1, len(t.shape) + 1)}
        batch = Axis((("n", self.views), (letters[-1], 1))) if self.views > 1 else Axis.of("n")
        extents = {letters[k]: s for k, s in zip([*range(1, len(t.shape) + 1), -1], [*(s or 0 for s in t.shape), self.views])
                   if k in self.axes}
        own = (batch, *(Axis.of(letters[k]) for k in range(1, len(t.shape) + 1)))
        return own, (Axis.of("n"), *(Axis(()) if k is None else Axis.of(letters[k]) for k in self.axes)), extents


def _order(a: Access, t: TensorType, channel: str | None) -> _Order | None:
    """How a read or write is seen at the lane `channel`."""
    batch = a.axes[0]
    views = batch.coefficient("n")
    if views < 1 or batch.const or len(batch.terms) != 1 + (views > 1) or t.batch % views:
        return None
    axes = list(range(1, len(a.axes)))
    lane = next((k for k in axes if a.axes[k].bare == channel is not None), None)
    places = [k for k in axes if k != lane]
    if lane is None and not a.axes[1].terms:  # one channel for all lanes
        lane, places = 1, places[1:]
    order: list[int | None] = [lane, *([-1] if views > 1 else []), *places]
    if views > 1 and len(order) == 2:
        order.append(None)  # the views of a vector are rows: a pixel is a vector of lanes
    return _Order(views, tuple(order)) if len(order) <= 4 else None


def _lined_up(n: Node, graph: Graph, lanes: int) -> list[Node] | None:
    """Moves, the formula between them, and a last move; None where that would not keep to lanes."""
    f = n.formula
    bound = dict(zip(f.operands, n.inputs))
    if len(f.target.axes) < 2 or len({t.axes for t in f.targets}) > 1:
        return None
    channel = f.target.axes[1].bare
    result = _order(f.target, n.type, channel)
    if result is None or channel is None:
        return None
    before: dict[tuple[str, _Order], Node] = {}
    reads: list[Access] = []
    operands: dict[str, str] = {}
    for r in f.reads:
        source, t = bound[r.name], graph.values[bound[r.name]].type
        order = _order(r, t, channel) if t.batch else None
        if t.batch and order is None:
            return None
        if order is None or (order.views == 1 and order.axes == tuple(range(1, len(r.axes)))):
            reads.append(r)
            operands[r.name] = source
            continue
        move = before.get((source, order))
        if move is None:
            move = before[source, order] = _move(n, f"{source}.{n.name}.{len(before)}", source, t, order)
        local = f"{r.name}_{list(before).index((source, order))}"
        reads.append(order.seen(r, local))
        operands[local] = move.name
    apart = result.views > 1
    names = [f"{v.name}.views" if apart else v.name for v in n.results]
    targets = [result.seen(t, t.name) if apart else t for t in f.targets]
    bare = {i for a in (*targets, *reads) for i in a.bare}
    extents = f.extents(tuple(graph.values[i].type for i in n.inputs), tuple(v.type for v in n.results))
    core = Formula.of(*targets, how=f.how, right=f.reading(reads), over=((i, e) for i, e in extents.items() if i not in bare))
    kind = replace(n.type, shape=result.shape(n.type), batch=n.type.batch // result.views) if apart else n.type
    made = {m.name: m.type for m in before.values()}
    types = tuple(made.get(operands[o]) or graph.values[operands[o]].type for o in core.operands)
    if not keeps_to_lanes(core, types, kind, lanes):
        return None
    middle = replace(n, name=names[0], op=core, inputs=tuple(operands[o] for o in core.operands),
                     results=tuple(Value(x, kind) for x in names))
    after = []
    if apart:
        own, seen, over = result.accesses(n.type)
        back = _moved(own, seen, over)
        after = [replace(n, name=v.name, op=back, inputs=(x,), results=(v,)) for v, x in zip(n.results, names)]
    return [*before.values(), middle, *after]


def _move(n: Node, name: str, source: str, t: TensorType, order: _Order) -> Node:
    own, seen, extents = order.accesses(t)
    return replace(n, name=name, op=_moved(seen, own, extents), inputs=(source,),
                   results=(Value(name, replace(t, shape=order.shape(t), batch=t.batch // order.views)),))


def _moved(to: tuple[Axis, ...], come_from: tuple[Axis, ...], extents: dict[str, int]) -> Formula:
    return Formula.of(Access("y", to), right=Access("x", come_from).tree, over=extents.items())
