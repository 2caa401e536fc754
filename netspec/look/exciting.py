"""The pictures, and the places in them, that excite a unit most.

Papers: Girshick, Donahue, Darrell and Malik, "Rich Feature Hierarchies for Accurate Object Detection and Semantic Segmentation",
2014, section 3.1; Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.misuse import whole
from ..runtime.network import Network
from ..views.numbers.receptive import reaches_of
from .asked import examples, graph_of, number, value_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Excited:
    """The examples by their numbers, the most excited first: what the unit says at the place where it says most, that place, and
    the window of the input that it sees, first and last along each axis, padding left out."""

    numbers: Array
    values: Array
    places: tuple[tuple[int, ...], ...]
    windows: tuple[tuple[tuple[int, int], ...], ...]


def exciting(net: Network, x: Any, layer: str, unit: int | str, *, top: int = 9) -> Excited:
    """The `top` examples that excite a channel of a layer most, each by its strongest place.

    Errors: a layer or a channel that is none.
    """
    x, top = examples(net, x), whole("top", top, 1)
    graph = graph_of(net, x)
    value = value_of(graph, layer)
    k = number(net, unit, layer)
    found = net.activations(x, layer)[:, k]
    flat, plane = found.reshape(len(x), -1), found.shape[1:]
    best, at = flat.max(1), flat.argmax(1) % found[0].size  # of several images in an `each` the one that says most
    order = np.argsort(-best, kind="stable")[:top]
    places = tuple(tuple(int(i) for i in np.unravel_index(at[i], plane)) for i in order)
    return Excited(order, best[order], places, tuple(_window(graph, value, p) for p in places))


def _window(graph: Any, value: str, place: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """What a place sees of the only input; all of it where its axes are others."""
    first = graph.inputs[0]
    if len(place) != len(first.type.spatial):
        return tuple((0, size - 1) for size in first.type.spatial)
    reach = reaches_of(graph)[graph.maker[value].name]
    out = []
    for axis, size in enumerate(first.type.spatial):
        seen = reach[first.name, axis].at(place[axis]) if (first.name, axis) in reach else None
        low, high = seen if seen is not None else (0, size - 1)
        out.append((max(0, low), min(size - 1, high)))
    return tuple(out)
