"""A picture that excites a unit: activation maximisation.

Papers: Erhan, Bengio, Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009; the regularisers are
those of regularisers.py
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
from ..runtime.misuse import misuse, whole
from ..runtime.network import Network
from ..waiting import each
from .asked import input_of, means, number, scores, seeds
from .regularisers import blurred, moved, total_variation

Array = NDArray[Any]


def maximise(net: Network, unit: int | str | Sequence[int | str], *, layer: str | None = None, steps: int = 128, lr: float = 0.05,
             l2: float = 0.01, tv: float = 0.001, blur: float = 0.5, every: int = 4, jitter: int = 1, begin: Any = None,
             seed: int = 0, clip: tuple[float, float] = (0.0, 1.0)) -> tuple[Array, Array]:
    """A picture for each unit, and steps + 1 x units: what the unit said before each step and at the end, the mean over its
    places. Steps go up the gradient, which is made as large as 1 in the root of its mean square.

    unit         channels of the layer, by number, or classes by name
    layer        unless given the scores of the classes
    steps, lr    how many, and how long the first one is; they grow shorter in a straight line, to a tenth
    l2, tv       how much the square of what differs from the middle of `clip`, and what neighbours differ by, count against it
    blur, every  width of a bell, in places, that goes over the picture after each so many steps; 0 leaves it out
    jitter       places by which the picture is moved at random before a step, and back after it; 0 leaves it out
    begin        where it starts: an example, or unless given grey with a little noise from the seed
    clip         the least and the largest value of a pixel

    Errors: a layer or a unit that is none; a net whose input has an open size, where no `begin` is given.
    """
    one, layer, steps = input_of(net), layer or scores(net), whole("steps", steps, 1)
    units = np.array([number(net, u, layer) for u in ([unit] if isinstance(unit, (int, str, np.integer)) else unit)], np.int64)
    low, high = map(float, clip)
    random = np.random.default_rng(whole("seed", seed, 0))
    if begin is None:
        if not one.type.known:
            raise misuse("unknown-size", f"the size of the input {one.name} is open, {one.type}", hint=Advice("--input 3x224x224, or begin=x"))
        begin = (low + high) / 2 + (high - low) * 0.05 * random.standard_normal((1, *(s or 0 for s in one.type.shape)))
    x = np.clip(np.broadcast_to(np.asarray(begin, np.float64), (len(units), *np.shape(begin)[-len(one.type.shape):])), low, high)
    seed_of = seeds(net, x.astype(net.dtype), layer, units)
    places = seed_of[0, 0].size
    said = np.empty((steps + 1, len(units)))
    for k in each("ascending, step", range(steps)):
        by = tuple(int(i) for i in random.integers(-jitter, jitter + 1, x.ndim - 2)) if jitter else (0,) * (x.ndim - 2)
        there = moved(x, by).astype(net.dtype)
        said[k] = means(net, there, layer)[np.arange(len(x)), units]
        up = moved(net.derivatives(there, {layer: seed_of / places}, batch=16), tuple(-i for i in by)).astype(np.float64)
        up /= np.sqrt(np.square(up).reshape(len(up), -1).mean(1)).reshape(-1, *(1,) * (x.ndim - 1)) + 1e-12
        down = 2 * l2 * (x - (low + high) / 2) + tv * total_variation(x)[1]
        x = np.clip(x + (high - low) * lr * (1 - 0.9 * k / steps) * (up - down), low, high)
        if blur and (k + 1) % every == 0 and k + 1 < steps:
            x = blurred(x, blur)
    said[steps] = means(net, x.astype(net.dtype), layer)[np.arange(len(x)), units]
    return x.astype(net.dtype), said
