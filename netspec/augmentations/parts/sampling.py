"""Images read at places between their pixels.

Places count pixels from the middle of the first one. A place between pixels is a mixture of the four around it (bilinear), as
PyTorch's grid_sample with align_corners=False has it; labels are those of the nearest pixel.
"""

from __future__ import annotations

from math import radians, tan
from typing import Any

import numpy as np

Array = Any  # of NumPy

EDGES = ("zeros", "reflect", "replicate")  # what lies outside an image


def mixed(image: Array, y: Array, x: Array, edges: str) -> Array:
    """An image (channels x height x width) at these places, bilinear."""
    (height, width), zeros = image.shape[1:], edges == "zeros"
    wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="constant" if zeros else "edge")
    y, x = (v.clip(-1, n) if zeros else inside(v, n, edges) for v, n in ((y, height), (x, width)))
    top, left = np.minimum(np.floor(y), height - 1), np.minimum(np.floor(x), width - 1)
    below, right = (y - top).astype(image.dtype), (x - left).astype(image.dtype)
    flat, row = wide.reshape(len(image), -1), width + 2
    at = ((top + 1) * row + (left + 1)).astype(np.intp)
    a, b, c, d = (flat.take(at + k, 1) for k in (0, 1, row, row + 1))
    b -= a
    b *= right
    b += a
    d -= c
    d *= right
    d += c
    d -= b
    d *= below
    d += b
    return d


def nearest(labels: Array, y: Array, x: Array, edges: str, fill: int | None) -> Array:
    """A map (channels x height x width) at the pixels nearest to these places; outside it `fill`, where zeros lie there and a
    fill is given, else what lies there in the image."""
    (height, width), away = labels.shape[1:], edges == "zeros"
    outside = (y < -0.5) | (x < -0.5) | (y > height - 0.5) | (x > width - 0.5)
    y, x = (inside(v, n, "replicate" if away else edges) for v, n in ((y, height), (x, width)))
    out = labels[:, np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)]
    return np.where(outside, labels.dtype.type(fill), out) if away and fill is not None else out


def inside(place: Array, size: int, edges: str) -> Array:
    """Places of an axis brought into the image: to its end, or back as from a mirror at its last pixels."""
    if edges != "reflect" or size == 1:
        return place.clip(0, size - 1)
    way = np.abs(place) % (2 * (size - 1))
    return np.minimum(way, 2 * (size - 1) - way)


def turned(shape: tuple[int, ...], angle: float, move: tuple[float, float] = (0.0, 0.0), scale: float = 1.0,
           shear: float = 0.0) -> tuple[Array, Array]:
    """Where each pixel of a turned, sheared, enlarged and moved image comes from: rows and columns. Degrees against the clock,
    pixels to the right and down; about the middle."""
    height, width = shape[-2:]
    a, s = -radians(angle), radians(shear)
    forth = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.array([[1.0, -tan(s)], [0.0, 1.0]]) * scale
    back = np.linalg.inv(forth)
    down = np.arange(height) - (height - 1) / 2 - move[1]
    along = np.arange(width) - (width - 1) / 2 - move[0]
    x = back[0, 0] * along + back[0, 1] * down[:, None] + (width - 1) / 2
    y = back[1, 0] * along + back[1, 1] * down[:, None] + (height - 1) / 2
    return y, x


def stretched(part: Array, rows: int, columns: int) -> Array:
    """A part of an image (channels x height x width) in another size, bilinear; outside it lies its own edge."""
    for axis, size in ((1, rows), (2, columns)):
        had = part.shape[axis]
        if had == size:
            continue
        place = ((np.arange(size) + 0.5) * (had / size) - 0.5).clip(0, had - 1)
        first = np.minimum(np.floor(place), max(had - 2, 0)).astype(np.intp)
        weight = (place - first).astype(part.dtype).reshape((-1, 1) if axis == 1 else (-1,))
        low, high = part.take(first, axis), part.take(np.minimum(first + 1, had - 1), axis)
        high -= low
        high *= weight
        high += low
        part = high
    return part


def stretched_labels(part: Array, rows: int, columns: int) -> Array:
    """A part of a map in another size, each pixel that of the one it lies in."""
    y, x = (((np.arange(size) + 0.5) * (had / size)).astype(np.intp) for size, had in zip((rows, columns), part.shape[1:]))
    return part[:, y[:, None], x]
