"""The filters of a layer, as its weights are: what each looks for in the channels it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
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
    """The filters of a layer; of the first convolution unless one is named.

    Errors: a layer that is none; one without filters; a net without convolutions.
    """
    if layer is None:
        node = convolutions(net.graph)[0]
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
    return Filters(node.name, held if held.ndim > 2 else held[..., None])
