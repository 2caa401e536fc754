"""What one unit of a network sees: its window in the input, and in the planes of the layers on the way to it.

The numbers are those of numbers/receptive.py, exact through joins and upsampling. A window may reach beyond its plane: that
part of it is padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import index

from ...diagnostics import Advice, UsageError, near
from ...ir.graph import Graph, Node
from ...ir.types import shape_text
from ...plain import shown
from ...words.layer import Layer
from ..numbers.receptive import Span, reaches_of
from ..reading.arcs import refers
from ..reading.names import named
from ..reading.steps import Step, steps

MOST = 9  # planes that are told apart at a glance


@dataclass(frozen=True)
class Plane:
    """A layer's places, and which of them the unit sees: first and last along each axis, padding before 0 and after the end."""

    name: str
    text: str  # the layer, as a spec would write it
    channels: int
    sizes: tuple[int, ...]
    window: tuple[tuple[int, int], ...]

    @property
    def inside(self) -> tuple[tuple[int, int], ...]:
        """The part of the window that is no padding; empty along an axis where first > last."""
        return tuple((max(a, 0), min(b, n - 1)) for (a, b), n in zip(self.window, self.sizes))

    @property
    def there(self) -> tuple[int, ...]:
        """How many places the window has along each axis, without padding."""
        return tuple(max(0, b - a + 1) for a, b in self.inside)

    @property
    def seen(self) -> tuple[int, ...]:
        """How many places the window has along each axis, padding counted."""
        return tuple(b - a + 1 for a, b in self.window)


@dataclass(frozen=True)
class Sight:
    """One unit, and the planes from an input to it, the input first and the unit's own last."""

    graph: Graph
    input: str
    unit: str
    at: tuple[int, ...]
    planes: tuple[Plane, ...]
    others: tuple[str, ...] = ()  # inputs that the unit is made from as well


def sight(graph: Graph, unit: str | None = None, at: Sequence[int] | None = None, source: str | None = None) -> Sight:
    """What a unit sees. Without a name, a unit of the last layer that has more than one place; without a place, the middle one.

    unit    the name of a layer, as the summary has it
    at      its place, (y, x) or (x,)
    source  the input that is drawn, of a unit that is made from several; the first, unless given

    Errors: a name that nothing has; a place outside of the layer; a network that takes no picture and no sequence; a unit
    that depends on no input's places; sizes that are not known.
    """
    if unit is not None and not isinstance(unit, str):
        raise UsageError(f"a unit is named by its layer, a text, and not by a {type(unit).__name__}", hint='unit="conv1"')
    value = _chosen(graph, unit)
    node = graph.maker[value]
    start = _source(graph, node, source)
    place = _place(unit or node.name, node, at)
    way = _way(graph, start, node)
    few = _few([s for s in steps(graph) if s.last.name in way and len(s.last.type.spatial) == len(start.type.spatial)
                  and s.last.name not in (start.name, node.name)], graph)
    inner = [s.last.name for s in few] + ([node.name] if node is not start else [])
    reach = reaches_of(graph, inner)[node.name]

    def plane(name: str, text: str, of: Node) -> Plane:
        spans = [reach[of.name, axis].at(place[axis] if axis < len(place) and reach[of.name, axis].advance else 0)
                 for axis in range(len(of.type.spatial))]
        return Plane(name, text, of.type.channels or 0, _sizes(of), tuple(_seen(s) for s in spans))

    heads = {s.last.name: s for s in steps(graph)}
    if len(node.type.spatial) != len(start.type.spatial):  # a unit without places: all there is of it is itself
        own = [Plane(unit or node.name, _text(heads, node), node.type.channels or 0, (1,) * len(start.type.spatial),
                     ((0, 0),) * len(start.type.spatial))]
    else:
        own = [plane(unit or _name(heads, node), _text(heads, node), node)] if node is not start else []
    between = [p for p in (plane(s.name, s.text, s.last) for s in few)
               if not own or (p.sizes, p.window) != (own[0].sizes, own[0].window)]
    planes = [plane(start.name, "input", start), *between, *own]
    others = tuple(n.name for n in graph.inputs if n.name in graph.ancestors(node.name) and n is not start)
    return Sight(graph, start.name, unit or _name(heads, node), place, tuple(planes), others)


def _chosen(graph: Graph, unit: str | None) -> str:
    """The value that is meant."""
    if unit is None:
        many = [n for n in graph if any((s or 0) > 1 for s in n.type.spatial)]
        return (many or list(graph))[-1].name
    known = named(graph)
    asked = unit.removeprefix("@")
    if asked not in known:
        alike = near(asked, known)
        raise UsageError(f"nothing in this network is called `{unit}`", hint=f"did you mean `{alike}`?" if alike
                         else Advice(f"netspec summary has the names, some of which are: {', '.join(list(known)[:6])}"),
                         code="unknown-name")
    return known[asked]


def _source(graph: Graph, node: Node, name: str | None) -> Node:
    """The input of this name, or the first of pictures or of a sequence, that a unit is made from."""
    before = {node.name, *graph.ancestors(node.name)}
    mine = [n for n in graph.inputs if n.name in before]
    if name is not None:
        mine = [n for n in mine if n.name == name] if isinstance(name, str) else []
        if not mine:
            several = [n.name for n in graph.inputs if n.name in before]
            raise UsageError(f"{node.name} is made from {', '.join(several) or 'no input'}, and not from {shown(repr(name))}",
                             hint=Advice(f"its inputs are {', '.join(several)}") if several else None, code="unknown-name")
    if not (drawn := [n for n in mine if 1 <= len(n.type.spatial) <= 2]):
        shapes = ", ".join(f"{n.name} {shape_text(n.type.shape)}" for n in mine or graph.inputs)
        raise UsageError("a field is drawn in the plane of a picture or along a sequence, and there is neither",
                         f"the input of {graph.name}: {shapes}",
                         hint=Advice("netspec summary --receptive-field says it in numbers, for volumes too"))
    for n in graph:
        if n.name in before and not n.type.known:
            raise UsageError(f"the size of {n.name} is not known, {shape_text(n.type.shape)}, and so no field is",
                             hint="--input 3x224x224", code="unknown-size")
    return drawn[0]


def _place(name: str, node: Node, at: Sequence[int] | None) -> tuple[int, ...]:
    sizes = _sizes(node)
    if at is None:
        return tuple(n // 2 for n in sizes)
    try:
        found = tuple(index(k) for k in at)
    except TypeError:
        found = None
    if found is None or len(found) != len(sizes) or not all(0 <= k < n for k, n in zip(found, sizes)):
        given = repr(at) if found is None else ",".join(map(str, found)) or "nothing"
        raise UsageError(f"{name} has {'the places ' + ' x '.join(f'0..{n - 1}' for n in sizes) if sizes else 'no places'}, "
                         f"and {given} is none of them",
                         hint=f"at {','.join(str(n // 2) for n in sizes)}" if sizes else Advice("leave the place out"), code="bad-value")
    return found


def _way(graph: Graph, source: Node, node: Node) -> set[str]:
    """The nodes of the longest way from an input to a unit: through the bodies of residuals, down and up a U."""
    longest: dict[str, tuple[int, str]] = {source.name: (0, "")}
    for n in graph:
        data = n.inputs[:1] if refers(n) else n.inputs  # what gives a size alone is no way
        before = [(longest[graph.maker[v].name][0] + 1, graph.maker[v].name) for v in data if graph.maker[v].name in longest]
        if before and n.name != source.name:
            longest[n.name] = max(before)
    found, at = set(), node.name if node.name in longest else ""
    while at:
        found.add(at)
        at = longest[at][1]
    return found


def _few(way: list[Step], graph: Graph) -> list[Step]:
    """Of many steps those that say most: what looks around or changes the size of the plane; of too many the last at every size,
    or some, evenly."""
    around = [s for s in way if not _pointwise(s, graph)]
    sized = [list(run)[-1] for _, run in groupby(around, lambda s: s.last.type.spatial)]
    most = MOST - 2
    if len(around) <= most:
        return around
    if 4 <= len(sized) <= most:
        return sized
    many = sized if len(sized) > most else around
    return [many[round(k * (len(many) - 1) / (most - 1))] for k in range(most)]


def _pointwise(step: Step, graph: Graph) -> bool:
    """Whether every place of a step sees one place alone: the plane before it says the same."""
    if str(getattr(step.head.op, "category", "")) in ("activation", "normalisation", "noise", "merge", "arithmetic"):
        return True
    types = [graph.values[v].type for v in step.head.inputs]
    how = step.head.op.slides(types[0]) if isinstance(step.head.op, Layer) and len(types) == 1 else None
    return how is not None and set(how[0]) | set(how[1]) == {1}


def _sizes(n: Node) -> tuple[int, ...]:
    return tuple(s or 0 for s in n.type.spatial)


def _seen(span: Span) -> tuple[int, int]:
    return (0, -1) if span is None else span


def _name(heads: dict[str, Step], node: Node) -> str:
    return heads[node.name].name if node.name in heads else node.name


def _text(heads: dict[str, Step], node: Node) -> str:
    return heads[node.name].text if node.name in heads else str(node.op)
