"""How values are stored. Formulas speak of n, c, h, w; a layout says where an element lies.

A layout is a view and not a buffer: a place, offsets and strides, all in bytes. `at` is bytes per sample, so that one
plan serves every batch: the address of image 0 is  space + N * at + plus.  `assign_layouts` chooses layouts,
`plan_memory` fills in `at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from .weight_order import WeightOrder


@dataclass(frozen=True, slots=True)
class Target:
    """What plans need to know of a device; declared here so that plans and exact memory need no backend."""

    device: str
    vector: int  # bytes of a vector register
    item: int  # bytes of an element of the network's dtype
    block: int = 0  # channels stored side by side; 0: as many as a register holds
    precision: str = "float32"  # "exact": no transformed convolutions

    @property
    def dtype(self) -> str:
        """The name of the network's dtype."""
        return {4: "float32", 8: "float64"}[self.item]

    @property
    def lanes(self) -> int:
        """Channels in a block, the elements of one vector."""
        return self.block or self.vector // self.item


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes of a program's memory."""

    arena: int  # per sample
    unshared: int  # per sample, had nothing been shared
    vectors: int  # elements of the space `vectors`
    scalars: int  # numbers the runtime sets, eight bytes each


@dataclass(frozen=True, slots=True)
class Image:
    """A batched value as [image][block of channels][depth][height][width][lane], each plane within a zero halo.

    Missing spatial axes have extent 1 (1-D data are one row). Channel c lies in block c // lanes, lane c % lanes; the
    lanes past the last channel are zero and stay zero. With `block == 0` the channels of a pixel lie side by side
    ([image][depth][height][width][channel]): network inputs with few channels.
    The address of image i, block b, place (d, h, w) is
    space + N*at + plus + i*image + b*block + (d + halo[0])*plane + (h + halo[1])*row + (w + halo[2])*pixel.
    """

    channels: int
    extents: tuple[int, int, int]
    halo: tuple[int, int, int]
    lanes: int
    item: int
    pixel: int
    row: int
    plane: int
    block: int
    image: int
    images: int = 1  # images of a sample (views)
    at: int = -1
    plus: int = 0
    of: str = ""  # the value whose buffer this is a part of; empty: its own

    def placed(self, at: int) -> Image:
        """The same at another place."""
        return Image(self.channels, self.extents, self.halo, self.lanes, self.item, self.pixel, self.row, self.plane, self.block,
                     self.image, self.images, at, self.plus, self.of)

    @property
    def blocks(self) -> int:
        return -(-self.channels // self.lanes) if self.block else 1

    @property
    def origin(self) -> int:
        """Bytes from N*at to place (0, 0, 0) of image 0, block 0."""
        return self.plus + self.halo[0] * self.plane + self.halo[1] * self.row + self.halo[2] * self.pixel

    @property
    def solid(self) -> bool:
        """Whether the places of a block lie one after another, without a gap."""
        d, h, w = self.extents
        return not any(self.halo) and (h == 1 or self.row == w * self.pixel) and (d == 1 or self.plane == h * w * self.pixel)

    @property
    def bytes(self) -> int:
        """Bytes of a sample; of a view, those of the buffer it lies in."""
        return self.images * self.image

    def __str__(self) -> str:
        form = f"{self.lanes}c" if self.block else "channels last"
        halo = f" halo {'x'.join(map(str, self.halo))}" if any(self.halo) else ""
        return f"{form}{halo}" + (f" at {self.at}N+{self.plus}" if self.at >= 0 else "")


@lru_cache(maxsize=4096)
def blocked(channels: int, spatial: tuple[int, ...], halo: tuple[int, ...], lanes: int, item: int, images: int = 1) -> Image:
    """Channels in blocks of `lanes`. `spatial` and `halo` have 0 to 3 axes."""
    extents, edge = _three(spatial, 1), _three(halo, 0)
    pixel = lanes * item
    row = (extents[2] + 2 * edge[2]) * pixel
    plane = (extents[1] + 2 * edge[1]) * row
    block = (extents[0] + 2 * edge[0]) * plane
    return Image(channels, extents, edge, lanes, item, pixel, row, plane, block, -(-channels // lanes) * block, images)


def channels_last(channels: int, spatial: tuple[int, ...], halo: tuple[int, ...], lanes: int, item: int,
                  images: int = 1) -> Image:
    """Channels of a pixel side by side; an image is rounded up to 64 bytes."""
    extents, edge = _three(spatial, 1), _three(halo, 0)
    pixel = channels * item
    row = (extents[2] + 2 * edge[2]) * pixel
    plane = (extents[1] + 2 * edge[1]) * row
    return Image(channels, extents, edge, lanes, item, pixel, row, plane, 0, round_up((extents[0] + 2 * edge[0]) * plane, 64),
                 images)


@dataclass(frozen=True, slots=True)
class Vector:
    """An unbatched value, flat in row-major order. `at` is the number of its first element within its space."""

    size: int
    space: str = "vectors"  # parameters | gradients | vectors
    at: int = -1

    def __str__(self) -> str:
        return f"{self.space}[{self.at}:{self.at + self.size}]"


@dataclass(frozen=True)
class Packed:
    """A weight in the order its contraction walks it, padded to whole vectors with zeros."""

    order: WeightOrder
    space: str = "parameters"
    at: int = -1

    @property
    def size(self) -> int:
        """Elements, padding included."""
        return self.order.size

    def __str__(self) -> str:
        return f"packed {self.space}[{self.at}:{self.at + self.size}]"


@dataclass(frozen=True, slots=True)
class Outside:
    """A batched value that is read where the caller has it: row-major, image after image. Every call says where that is."""

    shape: tuple[int, ...]  # of an image
    item: int
    images: int = 1  # of a sample

    @property
    def image(self) -> int:
        """Bytes from image to image."""
        size = self.item
        for n in self.shape:
            size *= n
        return size

    def __str__(self) -> str:
        return "where it is given"


Layout = Union[Image, Vector, Packed, Outside]


def round_up(n: int, to: int) -> int:
    return -(-n // to) * to


def _three(sizes: tuple[int, ...], fill: int) -> tuple[int, int, int]:
    assert len(sizes) <= 3, f"{len(sizes)} spatial axes: at most three"
    out = (fill,) * (3 - len(sizes)) + tuple(sizes)
    return out[0], out[1], out[2]
