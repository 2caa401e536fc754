"""Integrated gradients: what each number of an input adds to a class's score.

Paper: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, equations 1 and 3
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.misuse import whole
from ..runtime.network import Network
from ..waiting import each
from .asked import Class, chosen, examples, scores, seeds

Array = NDArray[Any]


def integrated(net: Network, x: Any, unit: Class = None, *, layer: str | None = None, baseline: Any = 0.0,
               steps: int = 50) -> Array:
    """The input's own shape: (x - baseline) times the mean gradient of the score on the straight way from the baseline to x.
    Their sum is the score of x less that of the baseline, as nearly as so many steps measure it.

    baseline  what says nothing: a number, or an array that NumPy spreads to an example; black unless given
    steps     gradients that are taken, each in the middle of its part of the way
    `unit` and `layer` as in `saliency`; the class that the network answers is that of x.
    """
    x, layer, steps = examples(net, x), layer or scores(net), whole("steps", steps, 1)
    seed = seeds(net, x, layer, chosen(net, x, unit, layer))
    begin = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    total = np.zeros(x.shape)
    for k in each("integrating, step", range(steps)):
        share = x.dtype.type((k + 0.5) / steps)
        total += net.derivatives(begin + share * (x - begin), {layer: seed}, batch=16)
    return np.asarray((x - begin) * total / steps)
