"""The filters of a layer, as its weights are: what each looks for in the channels it reads."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
from ..ir.graph import Graph, Node
from ..runtime.misuse import misuse
from ..runtime.network import Network
from ..views.reading.steps import steps
from .asked import convolutions, value_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Filters:
    """`weights` are filters x channels x places; `norms` filters x channels: how much of each filter lies in each channel."""

    layer: str
    weights: Array

    @property
    def norms(self) -> Array:
        w = self.weights.astype(np.float64)
        return np.asarray(np.sqrt(np.square(w).reshape(*w.shape[:2], -1).sum(2)))


def filters(net: Network, layer: str | None = None) -> Filters:
    """The filters of a layer; of the first convolution, or where there is none the first fully connected layer, unless one is
    named. A layer that reads a picture, each number of it with a weight, has filters as large as it: templates.

    Errors: a layer that is none; one without filters; a net that has none.
    """
    if layer is None:
        heads = [n for n in net.graph if getattr(n.op, "category", "") in ("convolution", "dense") and n.parameters]
        node = next((n for n in heads if getattr(n.op, "category", "") == "convolution"), heads[0] if heads else None)
        if node is None:
            raise misuse("bad-value", f"{net.graph.name} has no layer with filters", hint="netspec summary")
    else:
        value = value_of(net.graph, layer)
        step = next(s for s in steps(net.graph) if value in {v.name for n in s.nodes for v in n.results})
        node = step.head
    weight = next((p for p in node.parameters if p.kind in ("weight", "buffer") and len(p.shape) > 1), None)
    if weight is None:
        raise misuse("bad-value", f"{layer} is {node.op}, and has no filters",
                     hint=Advice(f"those of {', '.join(n.name for n in convolutions(net.graph)[:6])}"))
    values = net.state.slot("average").get(weight.name) if net.averaged else None
    held = values if values is not None else (net.parameters if weight.name in net.parameters else net.buffers)[weight.name]
    return Filters(node.name, held if held.ndim > 2 else held.reshape(len(held), *_read(net.graph, node, held.shape[1])))


def _read(graph: Graph, node: Node, size: int) -> tuple[int, ...]:
    """What a fully connected layer reads, channels x places: a picture that was laid flat is one."""
    value = node.inputs[0]
    while getattr(graph.maker[value].op, "renames", False):
        value = graph.maker[value].inputs[0]
    shape = graph.values[value].type.shape
    known = tuple(s for s in shape if s is not None)
    return known if len(known) > 1 and prod(known) == size else (size, 1)
