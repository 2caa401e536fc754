"""Arrays as pictures: numbers as colours, tiles in a grid, and the bytes and the address of a PNG.

A tile is H x W x 3 bytes, or 4 where some of it is transparent. `of_image`, `signed` and `heat` make one of numbers, `grid` puts
many on one sheet, `png` and `address` write it; `resized` brings numbers to another size before. Nothing here knows a network.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing.looks import rgb

Array = NDArray[Any]
Tile = NDArray[np.uint8]

# from dark to light, each step as far from the last as the eye sees it: "inferno" of van der Walt and Smith, CC0
HEAT = ("#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4")
# blue is negative, red positive, as light as paper in the middle: "RdBu" of ColorBrewer, Apache-2.0
SIGNED = ("#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f")


def of_image(a: Array, low: float = 0.0, high: float = 1.0) -> Tile:
    """A picture of C x H x W numbers, `low` black and `high` white: 3 channels are colours, 1 is grey."""
    a = np.asarray(a, np.float64)
    found = np.clip((a - low) / ((high - low) or 1.0), 0, 1).transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(np.rint(255 * found), (*found.shape[:2], 3)).astype(np.uint8))


def around_zero(a: Array, most: float | None = None) -> Tile:
    """The same of numbers around zero, which is grey; `most` is the size that is black or white, unless given the largest."""
    most = _size(a, most)
    return of_image(a, -most, most)


def heat(a: Array, low: float | None = None, high: float | None = None) -> Tile:
    """H x W numbers as colours from dark to light; unless given, from the least to the largest of them."""
    a = np.asarray(a, np.float64)
    low, high = float(a.min()) if low is None else low, float(a.max()) if high is None else high
    return _coloured((a - low) / ((high - low) or 1.0), HEAT)


def signed(a: Array, most: float | None = None) -> Tile:
    """H x W numbers around zero, which is as light as paper: blue below, red above; `most` as in `around_zero`."""
    return _coloured(0.5 + np.asarray(a, np.float64) / (2 * _size(a, most)), SIGNED)


def laid_over(below: Tile, above: Tile, share: float = 0.5) -> Tile:
    """Two tiles of one size, the upper one of which hides this share."""
    return np.rint(below * (1.0 - share) + above * share).astype(np.uint8)


def enlarged(tile: Tile, side: int) -> Tile:
    """With every pixel as a square, so many times as large as brings its longer side nearest to `side`; never smaller."""
    k = max(1, round(side / max(tile.shape[:2])))
    return tile.repeat(k, 0).repeat(k, 1)


def sheet(high: int, wide: int) -> Tile:
    """A sheet that is transparent where nothing is put: on a dark page its ground is dark."""
    return np.zeros((high, wide, 4), np.uint8)


def put(tile: Tile, on: Tile, y: int, x: int) -> None:
    """Put a tile, which may be such a sheet itself, onto a sheet, its upper left corner there."""
    place = on[y:y + tile.shape[0], x:x + tile.shape[1]]
    place[..., 3] = 255
    place[..., :tile.shape[2]] = tile


def grid(tiles: Sequence[Tile], columns: int | None = None, gap: int = 2) -> Tile:
    """Tiles row by row on one sheet, each in the middle of a place as large as the largest; about as wide as high unless
    `columns` are given. Between them it is transparent."""
    high, wide = (max(t.shape[k] for t in tiles) for k in (0, 1))
    columns = columns or max(1, round(sqrt(len(tiles) * (high + gap) / (wide + gap))))
    columns = min(columns, len(tiles))
    rows = ceil(len(tiles) / columns)
    out = sheet(rows * (high + gap) + gap, columns * (wide + gap) + gap)
    for k, t in enumerate(tiles):
        put(t, out, gap + k // columns * (high + gap) + (high - t.shape[0]) // 2,
            gap + k % columns * (wide + gap) + (wide - t.shape[1]) // 2)
    return out


def filter_tiles(weight: Array, most: float | None = None) -> list[Tile]:
    """A tile for each filter of a convolution, O x C x places. Filters that read a grey or a coloured picture are pictures
    themselves, zero grey; of others each channel is a signed map, and a tile has all of its filter's side by side. Each filter
    has a scale of its own unless `most` gives one for all, as two states of one layer need it."""
    w = np.asarray(weight, np.float64)
    if w.ndim == 4 and w.shape[1] in (1, 3):
        return [around_zero(f, most) for f in w]
    return [_channels(f, most) for f in w]


def resized(x: Array, size: tuple[int, ...]) -> Array:
    """N x C x places as N x C x size, along each axis in a straight line between the middles of neighbouring places, and as the
    edge is beyond the first and the last; where it becomes smaller, each place the mean of all that it covers (a triangle as wide
    as two of them: what PyTorch calls bilinear with antialias)."""
    for axis, new in enumerate(size, x.ndim - len(size)):
        if x.shape[axis] != new:
            x = np.moveaxis(np.tensordot(_weights(x.shape[axis], new), x, (1, axis)), 0, axis)
    return x


def png(tile: Tile, dots: int | None = None) -> bytes:
    """The bytes of a PNG file, which says how many dots an inch has where that is given."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(tile).save(out, "PNG", optimize=True, **({} if dots is None else {"dpi": (dots, dots)}))
    return out.getvalue()


def address(tile: Tile) -> str:
    """What an `<img src=...>` of a page without other files names."""
    return "data:image/png;base64," + base64.b64encode(png(tile)).decode()


def _channels(f: Array, most: float | None) -> Tile:
    """One filter, C x places: along a sequence the channels lie below each other, planes stand in a grid, those of a volume are
    the planes of all depths."""
    most = _size(f, most)
    if f.ndim == 2:
        return signed(f, most)
    planes = f.reshape(-1, *f.shape[-2:]) if f.ndim > 3 else f
    return grid([signed(p, most) for p in planes], f.shape[1] if f.ndim > 3 else None, gap=1)


def _size(a: Array, most: float | None) -> float:
    """The largest of these numbers without their signs, 1 where all are zero; or the one that is given."""
    return (float(np.abs(a).max()) if most is None else most) or 1.0


def _coloured(share: Array, scale: Sequence[str]) -> Tile:
    """Shares from 0 to 1 as colours of a scale; what is no number is the first."""
    share = np.clip(np.nan_to_num(share), 0, 1) * (len(scale) - 1)
    stops = np.array([rgb(c) for c in scale], np.float64)
    at = np.minimum(share.astype(int), len(scale) - 2)
    part = (share - at)[..., None]
    mixed: Tile = np.rint(stops[at] * (1 - part) + stops[at + 1] * part).astype(np.uint8)
    return mixed


def _weights(old: int, new: int) -> Array:
    """How much each new place (rows) has of each old one; each row sums to 1."""
    scale = old / new
    reach = max(scale, 1.0)
    middle = (np.arange(new) + 0.5) * scale
    if scale < 1:
        middle = np.clip(middle, 0.5, old - 0.5)
    w = np.maximum(0, 1 - np.abs(np.arange(old) + 0.5 - middle[:, None]) / reach)
    return np.asarray(w / w.sum(1, keepdims=True))
