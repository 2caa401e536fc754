"""What an answer loses where a part of the picture is hidden.

Paper: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
from ..runtime.asking.answers import speaker
from ..runtime.misuse import misuse, whole
from ..runtime.network import Network
from ..waiting import each
from .asked import Class, chosen, examples, input_of, scores

Array = NDArray[Any]
AT_ONCE = 64  # pictures with a window that are asked about together


def occlusion(net: Network, x: Any, unit: Class = None, *, window: int | None = None, stride: int | None = None,
              fill: Any = None) -> Array:
    """N x rows x columns: by how much the probability of the class falls (where the network says none, its number) with a square
    of one colour in front of the picture, in each of its places. `begins` says where these lie.

    unit    the class, as in `saliency`
    window  the side of the square; unless given a fifth of the picture's shorter side
    stride  how far its places are apart; unless given a quarter of the window
    fill    its colour, a number or one for each channel; unless given the picture's own mean

    Errors: an input that is no picture; a window that is larger than it.
    """
    x = examples(net, x)
    if x.ndim != 4:
        raise misuse("wrong-shape", f"a square hides a part of a picture, and the input {input_of(net).name} is {input_of(net).type}")
    window, stride = sides(x.shape[2:], window, stride)
    rows, columns = (begins(n, window, stride) for n in x.shape[2:])
    fills = x.mean((2, 3), keepdims=True) if fill is None else np.broadcast_to(
        np.reshape(np.asarray(fill, x.dtype), (1, -1, 1, 1)), (len(x), x.shape[1], 1, 1))
    units, asked = chosen(net, x, unit, scores(net)), speaker([net], [net.graph.name])
    places = [(r, c) for r in rows for c in columns]

    def said(pictures: Array, unit: int) -> Array:
        found = asked.outputs([{input_of(net).name: pictures}], AT_ONCE)[asked.output]
        return np.asarray(found.reshape(*found.shape[:2], -1)[:, unit].mean(1), np.float64)

    out = np.empty((len(x), len(places)))
    parts = [(k, first) for k in range(len(x)) for first in range(0, len(places), AT_ONCE)]
    whole_ = [said(x[k:k + 1], int(units[k]))[0] for k in range(len(x))]
    for k, first in each("hiding parts of a picture,", parts):
        some = places[first:first + AT_ONCE]
        hidden = np.repeat(x[k:k + 1], len(some), 0)
        for one, (r, c) in zip(hidden, some):
            one[:, r:r + window, c:c + window] = fills[k]
        out[k, first:first + len(some)] = whole_[k] - said(hidden, int(units[k]))
    return out.reshape(len(x), len(rows), len(columns))


def sides(size: tuple[int, ...], window: int | None, stride: int | None) -> tuple[int, int]:
    """The side of the square and how far its places are apart, for a picture of this size. Raises where it does not fit."""
    window = max(1, round(min(size) / 5)) if window is None else whole("window", window, 1)
    if window > min(size):
        raise misuse("bad-value", f"a square of {window} does not fit into a picture of {size[0]}x{size[1]}",
                     hint=Advice(f"a window of {max(1, round(min(size) / 5))}, say"))
    return window, max(1, window // 4) if stride is None else whole("stride", stride, 1)


def begins(size: int, window: int, stride: int) -> list[int]:
    """Where along a side the square begins: every `stride`, and at last flush with the end."""
    return [*range(0, size - window, stride), size - window]
