"""How much each number of an input counts: the gradient of a class's score.

Papers: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
Saliency Maps", 2014, section 3; Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional
Net", 2015, section 3.4
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..runtime.network import Network
from .asked import Class, chosen, examples, scores, seeds

Array = NDArray[Any]


def saliency(net: Network, x: Any, unit: Class = None, *, layer: str | None = None) -> Array:
    """N x places: the size of the gradient of the score at each place, the largest of its channels; of each number of an input
    without places.

    unit   the class, by its name or number, one for all examples or one for each; unless given what the network answers
    layer  a value inside whose channel `unit` is meant, in the place of the scores
    """
    size = np.abs(_gradient(net, x, unit, layer, False))
    return np.asarray(size.max(1) if size.ndim > 2 else size)


def guided(net: Network, x: Any, unit: Class = None, *, layer: str | None = None) -> Array:
    """The input's own shape: the gradient of the score where rectifiers let nothing below zero back. `unit` and `layer` as in
    `saliency`."""
    return _gradient(net, x, unit, layer, True)


def _gradient(net: Network, x: Any, unit: Class, layer: str | None, guide: bool) -> Array:
    x, layer = examples(net, x), layer or scores(net)
    return np.asarray(net.derivatives(x, {layer: seeds(net, x, layer, chosen(net, x, unit, layer))}, guided=guide, batch=16))
