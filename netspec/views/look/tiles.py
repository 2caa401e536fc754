"""Numbers of networks as tiles of a size that a person sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..drawing.looks import rgb
from ..pictures import Tile, enlarged, grid, heat, laid_over, of_image, put, resized, sheet, signed

Array = NDArray[Any]
SIDE = 160  # pixels that the longer side of a tile has about, where its picture is smaller
CHANNELS = 32  # of a layer that are shown


def example(x: Array) -> Tile:
    """One example: a picture as it is, where its numbers are between 0 and 1; others from their least to their largest, in
    colours where they have no two axes or other channels than grey, or red, green and blue."""
    x = np.asarray(x, np.float64)
    if x.ndim == 3 and x.shape[0] in (1, 3):
        inside = x.min() >= 0 and x.max() <= 1
        return enlarged(of_image(x) if inside else of_image(x, float(x.min()), float(x.max())), SIDE)
    return enlarged(heat(flat(x)), SIDE)


def flat(a: Array) -> Array:
    """Numbers of any axes as a plane: the largest over the channels; along a sequence a row for each channel."""
    if a.ndim <= 2:
        return a.reshape(1, -1) if a.ndim == 1 else a
    a = np.abs(a).max(0) if a.ndim == 3 else a.reshape(-1, *a.shape[-2:])
    return a if a.ndim == 2 else np.concatenate(list(a), 1)


def mapped(map_: Array, beside: Tile, low: float | None = None) -> Tile:
    """A map of places in colours, about as large as the tile that it stands beside."""
    return enlarged(heat(flat(np.asarray(map_, np.float64)), low), max(beside.shape[:2]))


def over(map_: Array, below: Tile, low: float | None = None) -> Tile:
    """A map in colours over a grey picture, as large as it, in straight lines between the map's places."""
    grey = np.rint(below @ [0.299, 0.587, 0.114])[..., None].repeat(3, 2).astype(np.uint8)
    return laid_over(grey, heat(resized(np.asarray(map_, np.float64)[None, None], below.shape[:2])[0, 0], low), 0.55)


def around(a: Array) -> Tile:
    """Numbers of an example around zero: grey where it is a picture, else in blue and red."""
    a = np.asarray(a, np.float64)
    if a.ndim == 3 and a.shape[0] in (1, 3):
        most = _nearly_all(a)
        return enlarged(of_image(a, -most, most), SIDE)
    return marked(a)


def marked(a: Array) -> Tile:
    """Numbers of an example around zero, blue below and red above; of a picture the sum of its channels."""
    a = np.asarray(a, np.float64)
    plane = a.sum(0) if a.ndim == 3 else a.reshape(1, -1) if a.ndim == 1 else a if a.ndim == 2 else flat(a)
    return enlarged(signed(plane, _nearly_all(plane)), SIDE)


def channels(values: Array, most: int = CHANNELS) -> Tile:
    """The maps of a layer's first channels, one scale for all: from dark to light, or in blue and red where some numbers are
    below zero; of values without places a strip."""
    values = np.asarray(values, np.float64)
    low, high = float(values.min()), float(values.max())

    def coloured(plane: Array) -> Tile:
        return heat(plane, low, high) if low >= 0 else signed(plane, max(-low, high))

    if values.ndim < 3:
        return enlarged(coloured(values.reshape(1, -1) if values.ndim == 1 else values[:most]), 4 * SIDE)
    planes = [flat(v[None]) if v.ndim > 2 else v for v in values[:most]]
    side = SIDE if len(planes) <= 4 else SIDE // 2 if len(planes) <= 16 or max(planes[0].shape) > SIDE // 4 else SIDE // 4
    return grid([thumbnail(coloured(p), side) for p in planes], 4 * SIDE // side)


def framed(tile: Tile, window: tuple[tuple[int, int], tuple[int, int]], of: tuple[int, int], colour: str = "#ffb000") -> Tile:
    """A tile with a line around a window, which is given in places of a picture of size `of`, first and last along each axis."""
    out = tile.copy()
    (r0, r1), (c0, c1) = window
    y = [round(r0 * tile.shape[0] / of[0]), round((r1 + 1) * tile.shape[0] / of[0])]
    x = [round(c0 * tile.shape[1] / of[1]), round((c1 + 1) * tile.shape[1] / of[1])]
    for edge in (slice(y[0], y[0] + 2), slice(max(y[0], y[1] - 2), y[1])):
        out[edge, x[0]:x[1]] = rgb(colour)
    for edge in (slice(x[0], x[0] + 2), slice(max(x[0], x[1] - 2), x[1])):
        out[y[0]:y[1], edge] = rgb(colour)
    return out


def thumbnail(tile: Tile, side: int) -> Tile:
    """A tile whose longer side is as long as this, or shorter where it was."""
    high, wide = tile.shape[:2]
    share = side / max(high, wide)
    if share >= 1:
        return enlarged(tile, side)
    to = (max(1, round(high * share)), max(1, round(wide * share)))
    out: Tile = np.rint(resized(tile.transpose(2, 0, 1)[None].astype(np.float64), to))[0].transpose(1, 2, 0).astype(np.uint8)
    return out


def scattered(tiles: list[Tile], places: Array, side: int = 960) -> Tile:
    """Small tiles on a sheet whose longer side is given, each with its middle where its two numbers say, the second one upwards;
    later ones lie over earlier ones. Where none lies it is transparent."""
    margin = max(max(t.shape[:2]) for t in tiles) // 2 + 4
    low, high = places.min(0), places.max(0)
    scale = (side - 2 * margin) / (float((high - low).max()) or 1.0)
    wide, tall = (round(float(s)) + 2 * margin for s in (high - low) * scale)
    out = sheet(tall, wide)
    for t, (px, py) in zip(tiles, (places - low) * scale):
        h, w = t.shape[:2]
        put(t, out, round(tall - margin - py - h / 2), round(margin + px - w / 2))
    return out


def _nearly_all(a: Array) -> float:
    """The size that 99.5 % of the numbers do not exceed, so that a single one darkens no picture."""
    return float(np.quantile(np.abs(a), 0.995)) or float(np.abs(a).max())
