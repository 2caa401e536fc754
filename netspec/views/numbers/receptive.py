"""Receptive fields: which places of the input a place of each value depends on, through joins and upsampling alike.

Nobody declares them. A layer's formulas say what each place reads; along one axis that is periodic: place t + period reads
what place t reads, moved by `advance`. A convolution of stride 2 has period 1 and advance 2, nearest upsampling by 2 has
period 2 and advance 1. Places are counted as if padding went on for ever, so fields do not shrink at the border.

Sources: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import gcd, lcm, prod

from ...ir.formula import Access, Axis, Formula, Pieces
from ...ir.graph import Graph, Input, Node
from ...ir.types import TensorType
from .counts import lowered

Span = tuple[int, int] | None  # first and last place read; None where nothing is
Key = tuple[str, int]  # what is looked at, an input or another node, and one of its axes
Reaches = dict[Key, "Reach"]


@dataclass(frozen=True, slots=True)
class Field:
    """Along one axis: places seen, places between the fields of neighbours (0: all see the same, or the whole and more), and
    where the field of place 0 begins, padding counted as places before 0."""

    size: int
    stride: Fraction
    start: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What every place of a value reads along one axis of an input: a window that moves along, and what all of them see."""

    spans: tuple[Span, ...]  # of the places of one period
    advance: int
    shared: Span = None  # what every place sees besides: a gate that looks at all of a picture

    @property
    def period(self) -> int:
        return len(self.spans)

    @property
    def stride(self) -> Fraction:
        return Fraction(self.advance, self.period)

    @property
    def field(self) -> Field:
        seen = [s for s in self.spans if s is not None]
        if self.shared is not None:
            return Field(max(b - a + 1 for a, b in (self.shared, *seen)), Fraction(0), self.shared[0])
        return Field(max((b - a + 1 for a, b in seen), default=0), self.stride, self.spans[0][0] if self.spans[0]
                     else min((a for a, _ in seen), default=0))

    def at(self, place: int) -> Span:
        return _hull((self.window(place), self.shared))

    def window(self, place: int) -> Span:
        """The part that moves along."""
        turns, k = divmod(place, self.period)
        span = self.spans[k]
        return None if span is None else (span[0] + turns * self.advance, span[1] + turns * self.advance)

    def over(self, first: int, last: int) -> Span:
        """What a row of places reads together."""
        return _hull(self.at(t) for t in range(first, last + 1))


def receptive_fields(graph: Graph) -> dict[str, dict[str, tuple[Field, ...]]]:
    """By node and input, a field for every axis of space. Every size must be known."""
    return {name: {i: tuple(found[i, axis].field for axis in range(sum(j == i for j, _ in found)))
                   for i in dict.fromkeys(i for i, _ in found)}
            for name, found in reaches_of(graph).items()}


def reaches_of(graph: Graph, also: Collection[str] = ()) -> dict[str, Reaches]:
    """What every place of each node's value reads, by input and axis; of the nodes named in `also` as well as of the inputs."""
    reaches: dict[str, Reaches] = {}
    programs: dict[tuple[object, tuple[TensorType, ...]], Graph] = {}
    for node in graph:
        if isinstance(node.op, Input):
            reaches[node.name] = _itself(node)
            continue
        types = tuple(graph.values[i].type for i in node.inputs)
        key = (node.op, types)
        if key not in programs:
            programs[key] = lowered(node, types)
        known = {f"in{k}": reaches[i] for k, i in enumerate(node.inputs)}
        program = programs[key]
        for inner in program:
            if isinstance(inner.op, Formula | Pieces):
                made = _of_formulas(inner, program, known)
                known |= {v.name: made for v in inner.results}
        for result, (_, value) in zip(node.results, program.outputs):
            reaches[result.name] = known.get(value, {})
        if node.name in also:
            reaches[node.name] = reaches[node.name] | _itself(node)
    return {n.name: reaches[n.name] for n in graph}


def _itself(node: Node) -> Reaches:
    """Every place sees itself; what a pool has made of all places is one, and nothing goes on beside it."""
    alone = not isinstance(node.op, Input)
    return {(node.name, axis): Reach(((0, 0),), 0 if alone and size == 1 else 1) for axis, size in enumerate(node.type.spatial)}


def _of_formulas(node: Node, program: Graph, known: dict[str, Reaches]) -> Reaches:
    """The reach of what a formula, or the pieces of one value, makes."""
    result = node.results[0].type
    found: dict[Key, list[tuple[int, Reach]]] = {}
    for formula, inputs in node.formulas:
        operands = dict(zip(formula.operands, inputs))
        types = {name: program.values[i].type for name, i in operands.items()}
        extents = formula.extents(tuple(types.values()), () if isinstance(node.op, Pieces)
                                  else tuple(v.type for v in node.results))
        for read in formula.reads:
            for key, source in known.get(operands[read.name], {}).items():
                weight, reach = _read(formula, read, types[read.name], result, key[1], source, extents)
                found.setdefault(key, []).append((weight, reach))
    return {key: _joined(reaches, result, key[1]) for key, reaches in found.items()}


def _read(f: Formula, read: Access, operand: TensorType, result: TensorType, axis: int, source: Reach,
          extents: dict[str, int]) -> tuple[int, Reach]:
    """One read along one axis, and how many places of the result it concerns: a mirrored border is less than the image."""
    target = f.target.axes[(result.batch > 0) + 1 + axis] if axis < len(result.spatial) else Axis(())
    concerned = prod(extents.get(i, 1) for i, _ in target.terms)
    if not source.advance or axis >= len(operand.spatial):
        return concerned, source
    if len(result.spatial) != len(operand.spatial):
        target = Axis(())
    place = read.axes[(operand.batch > 0) + 1 + axis]
    elsewhere = {i for a in f.target.axes if a is not target for i, _ in a.terms}
    shared = [i for i, _ in place.terms if target.coefficient(i)]
    if not shared or elsewhere.intersection(i for i, _ in place.terms):
        low, high = _range(place, extents)
        return concerned, Reach((source.over(low, high),), 0)
    moving = max(shared, key=lambda i: extents.get(i, 1))
    alpha, beta = target.coefficient(moving), place.coefficient(moving)
    others = list(dict.fromkeys(i for a in (target, place) for i, _ in a.terms if i != moving))
    pairs = {(target.const + sum(target.coefficient(i) * v for i, v in zip(others, values)),
              place.const + sum(place.coefficient(i) * v for i, v in zip(others, values)))
             for values in product(*(range(extents.get(i, 1)) for i in others))}
    turns = source.period // gcd(source.period, abs(beta))
    spans = tuple(_hull(source.window(beta * ((t - to) // alpha) + at) for to, at in pairs if (t - to) % alpha == 0)
                  for t in range(alpha * turns))
    return concerned, Reach(spans, source.advance * beta * turns // source.period, source.shared)


def _joined(reaches: list[tuple[int, Reach]], result: TensorType, axis: int) -> Reach:
    """All reads together. Those that move at another pace than the most important one are its border (mirrored padding) where
    they concern a few places. What does not move at all is what every place sees besides; where there are several paces, every
    place sees what all of them see."""
    most = max(weight for weight, _ in reaches)
    main = [r for weight, r in reaches if 2 * weight > most]
    moving = [r for r in main if r.advance] or main
    if len({r.stride for r in moving}) == 1:
        period = lcm(*(r.period for r in moving))
        still = [r.over(0, r.period - 1) for r in main if r not in moving]
        return Reach(tuple(_hull(r.window(t) for r in moving) for t in range(period)),
                     moving[0].advance * (period // moving[0].period), _hull((*still, *(r.shared for r in main))))
    size = result.spatial[axis] if axis < len(result.spatial) else 1
    return Reach((_hull(r.over(0, (size or 1) - 1) for r in main),), 0)


def _range(place: Axis, extents: dict[str, int]) -> tuple[int, int]:
    ends = [(c * (extents.get(i, 1) - 1)) for i, c in place.terms]
    return place.const + sum(min(e, 0) for e in ends), place.const + sum(max(e, 0) for e in ends)


def _hull(spans: object) -> Span:
    seen = [s for s in spans if s is not None]  # type: ignore[attr-defined]
    return (min(a for a, _ in seen), max(b for _, b in seen)) if seen else None
