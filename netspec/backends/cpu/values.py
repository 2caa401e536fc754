"""Where canonical arrays and stored values meet: N,C,H,W to blocks of channels within a halo, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.layout import Image, Packed, Vector

Array = NDArray[Any]
# elements of a weight whose order is remembered; that of larger ones is found anew, which costs less than their memory
KEPT = 1 << 22
FEW = 8  # channels: so many are written one after another, since NumPy is slow at rows as short as these


class Port:
    """The way of canonical arrays into an image of so many samples, and out of it. What can be known before there are numbers is
    found once; the arena that the image lies in is given with each call."""

    __slots__ = ("cleared", "few", "item", "last", "lies", "shape", "start", "strides", "whole")

    def __init__(self, layout: Image, samples: int) -> None:
        lanes = layout.lanes if layout.block else layout.channels
        images, start = samples * layout.images, samples * layout.at
        self.item, self.start = f"f{layout.item}", start + layout.origin
        self.lies = (images, layout.blocks, lanes, *layout.extents)  # the interior of its planes, axes in canonical order
        self.strides = (layout.image, layout.block, layout.item, layout.plane, layout.row, layout.pixel)
        self.shape = (images, layout.channels, *layout.extents)
        self.whole, self.last = divmod(layout.channels, lanes)  # blocks that are full, and the channels of one that is not
        self.few = not layout.block and layout.channels <= FEW
        padded = any(layout.halo) or self.last
        self.cleared = slice(start + layout.plus, start + layout.plus + samples * layout.bytes) if padded else None

    def write(self, arena: Array, data: Array) -> None:
        """A canonical array into the image; halo and padded lanes become zero."""
        if self.cleared is not None:
            arena[self.cleared] = 0
        for there, here in self._parts(arena, np.asarray(data).reshape(self.shape)):
            if self.few:
                for c in range(self.lies[2]):
                    there[:, :, c] = here[:, :, c]
            else:
                there[...] = here

    def read(self, arena: Array, shape: tuple[int, ...]) -> Array:
        """A canonical copy, as images of `shape`: the same numbers in the same order."""
        out = np.empty(self.shape, self.item)
        for there, here in self._parts(arena, out):
            here[...] = there
        return out.reshape(-1, *shape)

    def _parts(self, arena: Array, canonical: Array) -> Iterator[tuple[Array, Array]]:
        """Where the same numbers lie in the arena and in a canonical array: those of full blocks, and the rest."""
        image = np.ndarray(self.lies, self.item, arena, self.start, self.strides)
        images, _, lanes, *places = self.lies
        if not self.last:
            yield image, canonical.reshape(self.lies)
            return
        full = self.whole * lanes
        if full:
            yield image[:, : self.whole], canonical[:, :full].reshape(images, self.whole, lanes, *places)
        yield image[:, self.whole, : self.last], canonical[:, full:]


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
