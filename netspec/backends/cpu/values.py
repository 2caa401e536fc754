"""Where canonical arrays and stored values meet: N,C,H,W to blocks of channels within a halo, and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.layout import Image, Packed, Vector

Array = NDArray[Any]
KEPT = 1 << 22  # elements of a weight whose order is remembered; that of larger ones is found anew, which costs less than their memory
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
    x = np.ascontiguousarray(x.reshape(len(x), -1, *layout.extents)[:, :layout.channels].reshape(-1, *shape))
    return x.copy() if np.may_share_memory(x, arena) else x  # vectors of whole blocks lie in the arena as they are wanted


def _parts(layout: Packed) -> Iterable[Array]:
    """The canonical index of every packed element, -1 for padding, a part that caches hold at a time."""
    return _kept(replace(layout, at=0, space="")) if layout.size <= KEPT else layout.order.parts()


@lru_cache(maxsize=4096)
def _kept(layout: Packed) -> tuple[Array, ...]:
    return tuple(layout.order.parts())


def pack(into: Array, layout: Vector | Packed, value: Array) -> None:
    """Canonical numbers into a flat store."""
    flat = value.ravel().astype(into.dtype, copy=False)
    if isinstance(layout, Vector):
        into[layout.at:layout.at + layout.size] = flat
        return
    at = layout.at
    for order in _parts(layout):
        into[at:at + len(order)] = np.where(order >= 0, flat[order], 0)
        at += len(order)


def unpack(source: Array, layout: Vector | Packed, shape: tuple[int, ...]) -> Array:
    """A canonical copy from a flat store."""
    part = source[layout.at:layout.at + layout.size]
    if isinstance(layout, Vector):
        return part.reshape(shape).copy()
    out = np.zeros(int(np.prod(shape)), source.dtype)
    at = 0
    for order in _parts(layout):
        real = order >= 0
        out[order[real]] = part[at:at + len(order)][real]
        at += len(order)
    return out.reshape(shape)
