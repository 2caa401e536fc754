"""DeepDream: a picture in which a layer sees more and more of what it sees already.

Source: Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks" and "DeepDream, a code example for
visualizing Neural Networks", 2015
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.misuse import whole
from ..runtime.network import Network
from ..views.pictures import resized
from ..views.reading.steps import steps as steps_of
from ..waiting import wait
from .asked import number, scores, value_of
from .gradcam import last_maps
from .regularisers import moved
from .trunk import trunk

Array = NDArray[Any]
LEAST = 8  # places of a side of the smallest octave


def dream(net: Network, picture: Any, *, layer: str | None = None, unit: int | None = None, octaves: int = 4, scale: float = 1.4,
          steps: int = 10, lr: float = 0.01, jitter: int = 32, seed: int = 0) -> Array:
    """A picture, C x H x W in [0, 1], of any size, as a layer dreams of it. Octaves are the picture at several sizes, the
    smallest first; what was dreamt in one is enlarged, and goes on in the next.

    layer   whose numbers are made larger, their squares summed; unless given the one in the middle of those with places
    unit    one of its channels alone
    octaves, scale  how many sizes, and how much larger each is than the last
    steps, lr       of each octave; a step changes a pixel by `lr` in the mean
    jitter          places by which the picture is moved at random at each step, and back; as many as a side has at most
    seed            of these

    Errors: a layer that is none; a picture whose channels are not those of the input.
    """
    x = np.asarray(picture, np.float64)[None]
    layer = layer or middle(net)
    if unit is not None:
        number(net, unit, layer)
    octaves, steps = whole("octaves", octaves, 1), whole("steps", steps, 1)
    full = x.shape[2:]
    sizes = [tuple(max(min(LEAST, s), round(s / scale ** k)) for s in full) for k in reversed(range(octaves))]
    sizes = [s for k, s in enumerate(sizes) if k == 0 or s != sizes[k - 1]]
    random = np.random.default_rng(whole("seed", seed, 0))
    dreamt = np.zeros((1, x.shape[1], *sizes[0]))
    with wait("dreaming, step", steps * len(sizes)) as at:
        for octave, size in enumerate(sizes):
            part = trunk(net, {"dreamt": layer}, size)
            base = resized(x, size)
            dreamt = resized(dreamt, size)
            for k in range(steps):
                at(octave * steps + k + 1)
                by = tuple(int(random.integers(-min(jitter, s), min(jitter, s) + 1)) for s in size)
                there = moved(np.clip(base + dreamt, 0, 1), by).astype(net.dtype)
                values = part.predict(there)
                if unit is not None:
                    values = values * np.eye(values.shape[1])[unit].reshape(1, -1, *(1,) * (values.ndim - 2))
                slope = moved(part.derivatives(there, {"dreamt": values}), tuple(-b for b in by)).astype(np.float64)
                dreamt = np.clip(base + dreamt + lr * slope / (np.abs(slope).mean() + 1e-12), 0, 1) - base
    return np.asarray(np.clip(x + dreamt, 0, 1)[0], net.dtype)


def middle(net: Network) -> str:
    """The name of the step in the middle of those that have places, on the way to the scores."""
    graph, score = net.graph, scores(net)
    last = value_of(graph, last_maps(graph, score))
    before = graph.ancestors(last) | {graph.maker[last].name}
    found = [s.name for s in steps_of(graph) if s.last.name in before and s.head.parameters and s.last.type.spatial]
    return found[len(found) // 2] if found else last_maps(graph, score)
