"""Gradient-weighted class activation maps: where a late layer saw what speaks for a class.

Paper: Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017, equations 1 and 2
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
from ..ir.graph import Graph
from ..runtime.misuse import misuse
from ..runtime.network import Network
from .asked import Class, called, chosen, convolutions, examples, graph_of, scores, seeds, value_of

Array = NDArray[Any]


def gradcam(net: Network, x: Any, unit: Class = None, *, layer: str | None = None) -> Array:
    """N x places of the layer: its channels, each weighed with the mean gradient of the class's score to it, summed, and what is
    below zero left out.

    unit   the class, as in `saliency`
    layer  whose maps are weighed; unless given `last_maps`

    Errors: a layer without places; a net without convolutions, where no layer is named.
    """
    x, score = examples(net, x), scores(net)
    graph = graph_of(net, x)
    layer = layer or last_maps(graph, score)
    if not any(s != 1 for s in graph.values[value_of(graph, layer)].type.spatial):
        raise misuse("bad-value", f"{layer} has no places for a map: it is {graph.values[value_of(graph, layer)].type}",
                     hint=f'layer="{last_maps(graph, score)}"')
    maps = net.activations(x, layer)
    slopes = net.derivatives(x, {score: seeds(net, x, score, chosen(net, x, unit, score))}, to=layer, batch=16)
    places = tuple(range(2, maps.ndim))
    weights = slopes.mean(axis=places, keepdims=True)
    return np.asarray(np.maximum((weights * maps).sum(1), 0))


def last_maps(graph: Graph, score: str) -> str:
    """The name of the last value on the way to the scores that has the places of the last convolution with several of them: what
    follows it of activations and joins included, so that of a residual network it is the end of its last block.

    Errors: no convolution, or none with more than one place.
    """
    value = value_of(graph, score)
    before = graph.ancestors(value)
    maps = [n for n in convolutions(graph) if n.name in before and any(s != 1 for s in n.type.spatial)]
    if not maps:
        raise misuse("bad-value", f"no convolution of {graph.name} on the way to its answer has more than one place",
                     hint=Advice("name a layer that has"))
    last = maps[-1]
    after = graph.descendants(last.results[0].name) & before
    found = [last, *(n for n in graph if n.name in after and n.type.spatial == last.type.spatial)]
    return called(graph, found[-1].results[0].name)
