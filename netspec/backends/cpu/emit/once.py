"""The kernels of steps, each form of step written once: in a deep network hundreds of steps differ in nothing but names.

A step is spelled with names that count (v0, v1, ... in order of appearance) and without what no kernel depends on: lines of
the spec, and where in memory a value lies. Equal spellings have equal kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ....ir.graph import Node, Value
from ....ir.layout import Image, Layout, Outside, Packed, Vector
from ....ir.types import TensorType
from ..families.step import Kind, Step, step_of
from .channel import emit_channel, emit_flat
from .feed import emit_feed
from .filters import emit_filters
from .lanes import Emitted, emit_lanes
from .loop import emit_loop

EMITTERS: dict[str, Callable[[Node, Mapping[str, Value], str, int], Emitted]] = {
    "feed": emit_feed, "lanes": emit_lanes, "channel": emit_channel, "filters": emit_filters, "flat": emit_flat,
    "loop": emit_loop}
Names = tuple[str, ...]
Spelled = tuple[str, TensorType, tuple[Any, ...]]  # a value: its name, its type, its layout without a place


def emit(node: Node, values: Mapping[str, Value], dtype: str, lanes: int) -> Emitted:
    """The kernel of a step whose kind is one of `EMITTERS`. `values` are those of the fused, laid out program."""
    step = step_of(node)
    names = _Counted()
    name = names.__getitem__
    inner = tuple([(name(n.name), n.op, tuple(map(name, n.inputs)), tuple([(name(v.name), v.type, ()) for v in n.results]))
                   for n in step.nodes])
    results = tuple([(name(v.name), v.type, _anywhere(v.layout)) for v in node.results])
    near = tuple([(name(v.name), v.type, _anywhere(v.layout)) for v in [values[v] for v in names if v in values]])
    e = _emitted(name(node.name), step.kind, inner, tuple(map(name, step.sums)), tuple(map(name, step.placed)), results, near,
                 dtype, lanes)
    back = {short: v for v, short in names.items()}
    return replace(e, operands=tuple(back[v] for v in e.operands), outputs=tuple(back[v] for v in e.outputs))


class _Counted(dict[str, str]):
    """Names that count, each given when it is first asked for."""

    def __missing__(self, value: str) -> str:
        short = self[value] = f"v{len(self)}"
        return short


@lru_cache(maxsize=1024)
def _emitted(name: str, kind: Kind, inner: tuple[tuple[str, Any, Names, tuple[Spelled, ...]], ...], sums: Names, placed: Names,
             results: tuple[Spelled, ...], near: tuple[Spelled, ...], dtype: str, lanes: int) -> Emitted:
    nodes = tuple(Node(n, op, inputs, tuple(map(_value, made))) for n, op, inputs, made in inner)
    node = Node(name, Step(kind, nodes, sums, placed), (), tuple(map(_value, results)))
    return EMITTERS[kind](node, {v[0]: _value(v) for v in near}, dtype, lanes)


def _value(spelled: Spelled) -> Value:
    name, type, layout = spelled
    return Value(name, type, layout[0](*layout[1:]) if layout else None)


def _anywhere(layout: Layout | None) -> tuple[Any, ...]:
    """A layout without its place: its class and fields."""
    match layout:
        case Image():
            return (Image, layout.channels, layout.extents, layout.halo, layout.lanes, layout.item, layout.pixel, layout.row,
                    layout.plane, layout.block, layout.image, layout.images, -1, layout.plus)
        case Vector():
            return Vector, layout.size, layout.space
        case Packed():
            return Packed, layout.order, layout.space
        case Outside():
            return Outside, layout.shape, layout.item, layout.images
    return ()
