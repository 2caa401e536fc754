"""Layer-sequential unit-variance initialisation: Mishkin and Matas, "All you need is a good init", 2015 (arXiv:1511.06422).

Every layer with weights starts orthogonal. Then, in the order of the graph, its weights are divided by the standard
deviation of its output on a batch, all numbers of it together, until the variance is within 0.1 of 1, at most ten times.
The output is what the layer itself makes, before normalisation and activation, in evaluation mode: no dropout, and batch
norm still does nothing. The same seed and batch give the same weights.
"""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, sqrt
from typing import Any

import numpy as np

from ...diagnostics import Advice
from ...ir.graph import Graph, Node, Parameter
from ...waiting import each
from ..devices import executor
from ..initialisers import initial
from ..io import arrays
from ..misuse import misuse
from ..sizes import bind
from ..state import State

TOLERANCE, TRIES = 0.1, 10


def lsuv(state: State, x: Any) -> None:
    """Initialise by a batch. Weights that are frozen, given or from a file stay, and so do biases.

    Errors: a layer whose output does not vary over the batch, or is no finite number.
    """
    found = arrays.inputs(state.graph, x)
    graph = bind(state, found).graph
    layers = weighted(graph)
    scales = {p.name: length_of(p, graph) for _, p in layers}
    for p in (p for pair in ((p, scales[p.name]) for _, p in layers) for p in dict.fromkeys(pair)):
        state.store.set(p.name, initial(replace(p, init="orthogonal"), state.seed))
    probe = executor(replace(graph, outputs=tuple((f"lsuv.{k}", node.name) for k, (node, _) in enumerate(layers))), state.device,
                     str(state.dtype))
    for p in graph.parameters:
        probe.set(p.name, state.store.get(p.name))
    batch = arrays.cut(found, slice(None), state.dtype)
    out = probe.predict(batch) if layers else {}
    for k, (node, p) in enumerate(each("initialising layer", layers)):
        scale = scales[p.name].name
        for _ in range(TRIES):
            variance = float(out[f"lsuv.{k}"].astype(np.float64).var())
            if not isfinite(variance) or variance < 1e-30:
                raise misuse("bad-value",
                             f"lsuv: the output of {node.name} {'does not vary' if isfinite(variance) else 'is not finite'} on this batch",
                             f"its variance is {variance:g}", hint=Advice("take a larger batch, or one of other examples"))
            if abs(variance - 1.0) <= TOLERANCE:
                break
            probe.set(scale, probe.get(scale) / sqrt(variance))
            out = probe.predict(batch)
        state.store.set(scale, probe.get(scale))


def length_of(p: Parameter, graph: Graph) -> Parameter:
    """What is divided where a weight is: the lengths of its filters, of a weight that is kept as directions."""
    return next((g for g in graph.parameters if g.of and g.name == f"{p.name.removesuffix('_v')}_g"), p)


def weighted(graph: Graph) -> list[tuple[Node, Parameter]]:
    """The layers with weights of their own that are trained, and those weights; each weight once."""
    out: dict[str, tuple[Node, Parameter]] = {}
    for node in graph.nodes:
        for p in node.parameters:
            if p.kind == "weight" and p.trainable and len(p.shape) > 1 and p.values is None and p.file is None and length_of(p, graph).trainable:
                out.setdefault(p.name, (node, p))
    return list(out.values())
