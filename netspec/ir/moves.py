"""Moves: formulas that only put the numbers of one value elsewhere.

    y[n,8*c+4*h+w] = x[n,c,h,w]       flatten, reshape, shuffle: the images' numbers in another order, or under another shape
    y[12*n+v,c,h,w] = x[n,v,c,h,w]    parts of a sample become images of their own
    y[n,c,h,w] = x[n,c+16,h,w]        some of the channels

Where layouts allow, a move is no code at all: one side is the other, seen with other strides (`alias`).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from .formula import Access, Axis, Formula, Pieces
from .layout import Image
from .types import TensorType


@dataclass(frozen=True)
class Move:
    """Which element goes where, for the images of one `n`: numbers are row-major, over all its images.

    Element  at + sum of index * to  of the result is element  start + sum of index * source  of the operand, for all indices
    below `extents`; what is not written is zero.
    """

    extents: tuple[int, ...]
    to: tuple[int, ...]
    at: int
    source: tuple[int, ...]
    start: int
    images: tuple[int, int]  # of the result and of the operand

    def keeps_order(self, operand: TensorType, result: TensorType) -> bool:
        """Whether the same numbers come in the same order, and all of them."""
        each, had = (k * t.size for k, t in zip(self.images, (result, operand)))
        return (self.to, self.at) == (self.source, self.start) and prod(self.extents) == each == had


@lru_cache(maxsize=16384)
def move_of(f: Formula | Pieces, operands: tuple[TensorType, ...], result: TensorType) -> Move | None:
    """The move a formula is, or None: no arithmetic, no element written twice, every subscript in bounds."""
    if isinstance(f, Pieces) or f.how == "max=" or not isinstance(f.right,
                                                                  ast.Subscript) or len(
                                                                      f.targets) > 1 or not result.batch or not operands[0].batch:
        return None
    extents = f.extents(operands, (result,))
    walks = [_walk(a, t, extents) for a, t in ((f.target, result), (f.reads[0], operands[0]))]
    if None in walks:
        return None
    (to, at, images), (source, start, had) = (w for w in walks if w is not None)
    if result.batch * had != operands[0].batch * images:
        return None
    live = sorted((i for i in f.indices if i != "n" and extents[i] > 1), key=lambda i: (to.get(i, 0), i))
    reach = 0  # of the indices so far: a larger stride must leave them room
    for i in live:
        if to.get(i, 0) <= reach:
            return None
        reach += to[i] * (extents[i] - 1)
    return Move(tuple(extents[i] for i in live), tuple(to[i] for i in live), at, tuple(source.get(i, 0) for i in live), start,
                (images, had))


def _walk(a: Access, t: TensorType, extents: dict[str, int]) -> tuple[dict[str, int], int, int] | None:
    """The stride of each index in row-major numbers, the first number, and the images for each `n`."""
    images = a.axes[0].coefficient("n") if a.axes else 0
    if images < 1 or any(i not in extents for i in a.indices if i != "n"):
        return None
    strides: dict[str, int] = {}
    unit, first = 1, 0
    sizes = (images, *(s or 0 for s in t.shape))
    for axis, size in zip(reversed(a.axes), reversed(sizes)):
        terms = [(i, k) for i, k in axis.terms if i != "n"]
        low = axis.const + sum(min(0, k * (extents[i] - 1)) for i, k in terms)
        high = axis.const + sum(max(0, k * (extents[i] - 1)) for i, k in terms)
        if low < 0 or high >= size or (axis is not a.axes[0] and axis.coefficient("n")):
            return None
        for i, k in terms:
            strides[i] = strides.get(i, 0) + k * unit
        first += axis.const * unit
        unit *= size
    return strides, first, images


def alias(to: Access, source: Access, extents: dict[str, int], layout: Image, shape: TensorType,
          wanted: tuple[int, int, int]) -> Image | None:
    """The layout of a value of type `shape`, written `to[...] = source[...]`, that makes it the very bytes of the source,
    which lies at `layout`; None where there is none, or none with the halo that is `wanted`."""
    if not layout.block or len(to.axes) < 2 or len(source.axes) < 2:
        return None
    strides: dict[str, int] = {i: k * layout.image for i, k in _live(source.axes[0], extents)}
    plus = layout.origin
    given = _three(source.axes, extents)
    for (terms, const), unit in zip(given, (layout.plane, layout.row, layout.pixel)):
        if any(i in strides for i, _ in terms):
            return None
        strides |= {i: k * unit for i, k in terms}
        plus += const * unit
    lane, channel = _live(source.axes[1], extents), source.axes[1].const
    count = shape.channels or 0
    whole = channel % layout.lanes == 0 and (channel + count == layout.channels or count % layout.lanes == 0)
    if lane != _live(to.axes[1], extents) or any(k != 1
                                                 for _, k in lane) or len(
                                                     lane) > 1 or to.axes[1].const or not whole or any(i in strides
                                                             for i, _ in lane):
        return None
    batch, places = _live(to.axes[0], extents), _three(to.axes, extents)
    seen = [i for terms in (batch, lane, *(p for p, _ in places)) for i, _ in terms]
    image, rest = divmod(strides.get("n", 0), dict(batch).get("n", 1))
    if len(set(seen)) < len(seen) or set(seen) != {*strides, *dict(lane)} or rest or any(i != "n"
                                                                                         and (k != 1 or strides[i] != image)
                                                                                         for i, k in batch):
        return None
    vector = layout.lanes * layout.item
    units, halo, sizes = [0, 0, 0], [0, 0, 0], [1, 1, 1]
    own = (layout.plane, layout.row, layout.pixel)
    for k in (2, 1, 0):
        terms, const = places[k]
        if const or len(terms) > 1 or any(q != 1 for _, q in terms):
            return None
        sizes[k] = extents[terms[0][0]] if terms else 1
        if given[k] == (terms, 0) and sizes[k] == layout.extents[k]:  # the source's own axis, whole, halo included
            units[k], halo[k] = own[k], layout.halo[k]
        elif terms:
            units[k] = strides[terms[0][0]]
        else:  # one place: its stride is never taken
            units[k] = vector if k == 2 else units[k + 1] * (sizes[k + 1] + 2 * halo[k + 1])
    if units[2] != vector or any(h < w for h, w in zip(halo, wanted)):
        return None
    plus += channel // layout.lanes * layout.block - sum(h * u for h, u in zip(halo, units))
    return replace(layout, channels=count, extents=(sizes[0], sizes[1], sizes[2]), halo=(halo[0], halo[1], halo[2]),
                   pixel=units[2], row=units[1], plane=units[0], image=image, images=shape.batch, plus=plus)


def common_places(a: Access, b: Access, extents: dict[str, int]) -> tuple[bool, bool, bool]:
    """Which of depth, height and width are the same axis of both."""
    d, h, w = (x == y and not x[1] for x, y in zip(_three(a.axes, extents), _three(b.axes, extents)))
    return d, h, w


def _live(a: Axis, extents: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """The terms that move: those of indices with more than one value."""
    return tuple((i, k) for i, k in a.terms if i == "n" or extents[i] > 1)


def _three(axes: tuple[Axis, ...], extents: dict[str, int]) -> list[tuple[tuple[tuple[str, int], ...], int]]:
    """The moving terms and the constant of depth, height and width."""
    have = [(_live(a, extents), a.const) for a in axes[2:]]
    return [((), 0)] * (3 - len(have)) + have
