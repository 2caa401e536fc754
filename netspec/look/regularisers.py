"""What keeps a picture that is made by ascent from being noise.

Papers: Simonyan, Vedaldi and Zisserman, 2014 (L2); Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting
Them", 2015 (total variation); Yosinski, Clune, Nguyen, Fuchs and Lipson, "Understanding Neural Networks Through Deep
Visualization", 2015 (blur); Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks", 2015 (jitter)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def total_variation(x: Array) -> tuple[float, Array]:
    """The sum of the squares of what neighbours along each axis differ by, and its gradient. N x C x places."""
    value, slope = 0.0, np.zeros_like(x)
    for axis in range(2, x.ndim):
        d = np.diff(x, axis=axis)
        value += float(np.square(d).sum())
        ends = [(0, 0)] * x.ndim
        ends[axis] = (1, 1)
        slope -= 2 * np.diff(np.pad(d, ends), axis=axis)
    return value, slope


def blurred(x: Array, sigma: float) -> Array:
    """Each place the mean of its neighbours along every axis of space, weighed by a bell of this width in places; beyond an edge
    the edge goes on."""
    reach = int(np.ceil(3 * sigma))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2) if sigma > 0 else np.ones(1)
    bell /= bell.sum()
    for axis in range(2, x.ndim):
        ends = [(0, 0)] * x.ndim
        ends[axis] = (len(bell) // 2, len(bell) // 2)
        padded, size = np.pad(x, ends, mode="edge"), x.shape[axis]
        x = np.asarray(sum(w * padded.take(range(k, k + size), axis) for k, w in enumerate(bell)), x.dtype)
    return x


def moved(x: Array, by: Sequence[int]) -> Array:
    """All places moved along the axes of space, what leaves one side coming in at the other."""
    return np.roll(x, tuple(by), tuple(range(2, x.ndim)))
