"""What a network makes of the data, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...layers import Layer
from ..devices import executor
from ..io import arrays
from ..network import Network
from ..sizes import bind
from .finding import Finding

LITTLE, MUCH = 1e-3, 1e3  # of standard deviations: what float32 and usual learning rates bear
DEAD = 0.4  # the part of a layer's units


class Seen(NamedTuple):
    """What one activation gave."""

    name: str
    mean: float
    deviation: float
    silent: int  # channels that are 0 at every place of every example
    channels: int
    rectifies: bool


def seen(net: Network, x: Any) -> list[Seen]:
    """Every activation of the net on these examples, in evaluation mode, in the net's order."""
    state, found = net.state, arrays.inputs(net.graph, x)
    graph = bind(state, found).graph
    nodes = [n for n in graph.nodes if isinstance(n.op, Layer) and n.op.category == "activation"]
    if not nodes:
        return []
    probe = executor(replace(graph, outputs=tuple((f"seen.{k}", n.name) for k, n in enumerate(nodes))), state.device,
                     str(state.dtype))
    for p in graph.parameters:
        probe.set(p.name, state.store.get(p.name))
    out = probe.predict(arrays.cut(found, slice(None), state.dtype))
    return [_seen(n.name, out[f"seen.{k}"], bool(getattr(n.op, "rectifies", False))) for k, n in enumerate(nodes)]


def _seen(name: str, value: NDArray[Any], rectifies: bool) -> Seen:
    channels = np.moveaxis(value, 1, 0).reshape(value.shape[1], -1)
    return Seen(name, float(value.mean(dtype=np.float64)), float(value.std(dtype=np.float64)),
                int((channels == 0).all(1).sum()), len(channels), rectifies)


def statistics(found: list[Seen]) -> Finding:
    """Mean and deviation of each activation: signals that vanish or explode on their way."""
    numbers = {"layers": [{"name": s.name, "mean": s.mean, "std": s.deviation} for s in found]}
    if not found:
        return Finding("activations", None, "the net has none", "", numbers)
    few = found if len(found) <= 4 else [*found[:2], *found[-2:]]
    said = "; ".join(f"{s.name} {s.mean:.2g} ± {s.deviation:.2g}" for s in few)
    odd = next((s for s in found if not LITTLE <= s.deviation <= MUCH), None)
    if odd is None:
        return Finding("activations", True, said, "", numbers)
    how = "hardly varies" if odd.deviation < LITTLE else "is very large"
    return Finding("activations", False, said, f"{odd.name} {how}, {odd.mean:.2g} ± {odd.deviation:.2g}: other first weights, "
                   "inputs of mean 0 and deviation 1 (prepare standardise), or a normalisation", numbers)


def dead_units(found: list[Seen]) -> Finding:
    """Channels of rectifiers that answer nothing to any example, through which nothing is learnt."""
    ones = [s for s in found if s.rectifies]
    numbers = {"layers": [{"name": s.name, "dead": s.silent, "units": s.channels} for s in ones]}
    if not ones:
        return Finding("dead units", None, "the net has no rectifier", "", numbers)
    worst = max(ones, key=lambda s: s.silent / s.channels)
    gone, every = sum(s.silent for s in ones), sum(s.channels for s in ones)
    many = worst.silent > DEAD * worst.channels
    said = f"{gone} of {every} are 0 for every example" + (
        f"; most in {worst.name}: {worst.silent} of {worst.channels}" if gone else "")
    return Finding("dead units", not many, said, "nothing is learnt through them: a smaller learning rate, other first weights, "
                   "or leaky instead of relu" if many else "", numbers)
