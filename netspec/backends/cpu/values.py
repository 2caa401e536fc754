"""Where canonical arrays and stored values meet: N,C,H,W to blocks of channels within a halo, and back."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.layout import Image, Packed, Vector

Array = NDArray[Any]
FEW = 8  # channels: so many are written one after another, since NumPy is slow at rows as short as these


def view(arena: Array, layout: Image, samples: int, dtype: Any) -> Array:
    """The interior of an image as an array [image, block, depth, height, width, lane] (channels-last: one block)."""
    lanes = layout.lanes if layout.block else layout.channels
    shape = (samples * layout.images, layout.blocks, *layout.extents, lanes)
    strides = (layout.image, layout.block, layout.plane, layout.row, layout.pixel, layout.item)
    return np.ndarray(shape, dtype, arena, samples * layout.at + layout.origin, strides)


def write_image(arena: Array, layout: Image, data: Array, samples: int) -> None:
    """A canonical array into an image; halo and padded lanes become zero."""
    dtype = np.dtype(f"f{layout.item}")
    start, size = samples * layout.at + layout.plus, samples * layout.bytes
    if any(layout.halo) or (layout.block and layout.channels % layout.lanes):
        arena[start:start + size] = 0
    to = view(arena, layout, samples, dtype)
    x = np.asarray(data).reshape(samples * layout.images, layout.channels, *layout.extents)
    if not layout.block:
        if layout.channels <= FEW:
            for c in range(layout.channels):
                to[:, 0, ..., c] = x[:, c]
        else:
            to[:, 0] = np.moveaxis(x, 1, -1)
        return
    v = layout.lanes
    whole = layout.channels // v
    if whole:
        to[:, :whole] = np.moveaxis(x[:, :whole * v].reshape(len(x), whole, v, *layout.extents), 2, -1)
    if layout.channels % v:
        to[:, whole, ..., :layout.channels % v] = np.moveaxis(x[:, whole * v:], 1, -1)


def read_image(arena: Array, layout: Image, samples: int, dtype: Any, shape: tuple[int, ...]) -> Array:
    """A canonical copy, as images of `shape`: the same numbers in the same order."""
    x = np.moveaxis(view(arena, layout, samples, dtype), -1, 2)
    x = x.reshape(len(x), -1, *layout.extents)[:, :layout.channels]
    return np.ascontiguousarray(x.reshape(-1, *shape))


@lru_cache(maxsize=4096)
def _indices(layout: Packed) -> Array:
    return layout.order.indices()


def pack(into: Array, layout: Vector | Packed, value: Array) -> None:
    """Canonical numbers into a flat store."""
    flat = value.ravel()
    if isinstance(layout, Vector):
        into[layout.at:layout.at + layout.size] = flat
        return
    order = _indices(replace(layout, at=0, space=""))
    into[layout.at:layout.at + layout.size] = np.where(order >= 0, flat[order], 0)


def unpack(source: Array, layout: Vector | Packed, shape: tuple[int, ...]) -> Array:
    """A canonical copy from a flat store."""
    part = source[layout.at:layout.at + layout.size]
    if isinstance(layout, Vector):
        return part.reshape(shape).copy()
    order = _indices(replace(layout, at=0, space=""))
    out = np.zeros(int(np.prod(shape)), source.dtype)
    real = order >= 0
    out[order[real]] = part[real]
    return out.reshape(shape)
