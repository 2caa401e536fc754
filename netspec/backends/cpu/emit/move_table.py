"""The call a move becomes where it is a copy, and the table its kernel walks: for every place of the result, where in the
operand its number is. Every layout and every order is the same kernel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....ir.layout import Image
from ..contract.calls import Call
from ..row import M_CHUNK, M_PIECES, M_RESULT, M_RESULT_IMAGE, M_SOURCE, M_SOURCE_IMAGE, M_TURNS, M_VECTORS

CHUNK = 1024  # vectors of an item


@dataclass(frozen=True)
class Move(Call):
    """Element  at + sum of index * to  of the result is element  start + sum of index * source  of the operand, for all
    indices below `extents`, in row-major numbers over the images of one turn; the rest is zero."""

    method: ClassVar[str] = "move"
    name: str
    kernel: str
    operand: str
    extents: tuple[int, ...]
    to: tuple[int, ...]
    at: int
    source: tuple[int, ...]
    start: int
    images: tuple[int, int]  # of a turn: of the result and of the operand
    turns: int  # of a sample
    scratch: int = 0

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.operand,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.name,)

    def words(self, operand: tuple[int, Image], result: tuple[int, Image], samples: int,
              lanes: int) -> tuple[dict[int, int], NDArray[np.int32], int]:
        """What the row says, the table whose address is its word M_TABLE, and the number of items. Addresses are those of the
        first byte."""
        (x, there), (y, here) = operand, result
        table = offsets(self.extents, self.to, self.at, self.source, self.start, self.images, there, here)
        vectors = len(table) // lanes
        pieces, chunk = -(-vectors // CHUNK), max(1, CHUNK // 4 // vectors)
        turns = samples * self.turns
        words = {M_SOURCE: x, M_TURNS: turns, M_PIECES: pieces, M_CHUNK: chunk, M_SOURCE_IMAGE: self.images[1] * there.image,
                 M_RESULT: y, M_RESULT_IMAGE: self.images[0] * here.image, M_VECTORS: vectors}
        return words, table, -(-turns // chunk) * pieces


@lru_cache(maxsize=256)
def offsets(extents: tuple[int, ...], to: tuple[int, ...], at: int, source: tuple[int, ...], start: int, images: tuple[int, int],
            there: Image, here: Image) -> NDArray[np.int32]:
    """For each element of the result's memory, halo and padded lanes included, the byte of the operand; -1: zero."""
    grid: Any = np.indices(extents).reshape(len(extents), -1)
    numbers = at + np.tensordot(np.array(to, int), grid, 1), start + np.tensordot(np.array(source, int), grid, 1)
    table = np.full(images[0] * here.image // here.item, -1, np.int32)
    table[places(here, images[0])[numbers[0]] // here.item] = places(there, images[1])[numbers[1]]
    return table


def places(layout: Image, images: int) -> NDArray[np.int64]:
    """The byte of each element of some images, in row-major order, from the first byte on."""
    channels = np.arange(layout.channels)
    lane = (channels // layout.lanes * layout.block + channels % layout.lanes * layout.item if layout.block else channels
            * layout.item)
    d, h, w = (np.arange(e) * s for e, s in zip(layout.extents, (layout.plane, layout.row, layout.pixel)))
    at = np.add.outer(np.add.outer(np.add.outer(np.add.outer(np.arange(images) * layout.image, lane), d), h), w)
    return (at + layout.origin - layout.plus).ravel()
