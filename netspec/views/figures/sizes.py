"""How large volumes are drawn: sides and channels to a scale that can be read, each volume as a solid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2, sqrt
from typing import Literal

from ...ir.graph import Node
from ..drawing.lettering import width
from .canvas import FONT
from .volumes import Picture, Volume

How = Literal["linear", "sqrt", "log"]
SIDE = 78.0  # of the largest, in points
LEAST_SIDE, LEAST_DEPTH, MOST_DEPTH = 3.0, 2.2, 60.0
UPRIGHT, BESIDE = 7.8, 3.0  # a slice with an upright number is so thick; one that lies has so much beside it
SCALES: dict[How, Callable[[float], float]] = {"linear": float, "sqrt": sqrt, "log": lambda s: log2(1 + s)}
SAID: dict[How, str] = {"linear": "sides to scale, channels by square root", "sqrt": "sides and channels by square root",
                        "log": "sides by logarithm, channels by square root"}
UNITS: dict[How, str] = {"linear": "units to scale", "sqrt": "units by square root"}  # of nets of vectors alone
FEW, UNIT = 16, 11.0  # so many units of a vector are told apart, each so high
NOMINAL = 96.0  # places along a side of an input whose size is not known


@dataclass
class Solid:
    """A volume on the sheet: `x` is its left end on the axis `y`, `depth` along the flow, `high` and `wide` (going back)."""

    volume: Volume
    beside: tuple[Node, ...] = ()  # layers on arcs that end in it, and on what leaves beside it
    numbered: bool = False  # each slice is thick enough for the number of its channels
    parts: tuple[float, ...] = ()  # along the flow, of each slice
    high: float = 0.0
    wide: float = 0.0
    cut: bool = False  # drawn shorter than it is
    units: int = 1  # that are told apart
    towers: int = 1
    x: float = 0.0
    y: float = 0.0

    @property
    def depth(self) -> float:
        return sum(self.parts)

    @property
    def end(self) -> float:
        return self.x + self.depth

    @property
    def top(self) -> float:
        return self.y - self.high / 2 - self.wide / 2 * KY

    @property
    def foot(self) -> float:
        return self.y + self.high / 2 + self.wide / 2 * KY


KX, KY = 0.30, 0.24  # a point back goes so far right and up


class Scale:
    """The sizes of all solids of a picture, for a factor that is changed until it fits the page."""

    def __init__(self, picture: Picture, how: How | None = None):
        self.picture = picture
        self.spatial = extents(picture.volumes)
        sides = [s for sizes in self.spatial for s in sizes] or [1.0]
        self.largest = max(sides)
        least = min((s for s in sides if s > 1), default=1.0)
        self.how: How = how or ("linear" if self.largest <= 8 * least else "sqrt")
        of_all = [v for p in (picture, *(i.picture for i in picture.inflows)) for v in p.volumes]
        vectors = [v.channels for v in of_all if not v.spatial]
        alone = all(v.kind == "input" or not v.spatial for v in of_all) and any(v.kind == "fc" for v in of_all)
        self.bars = max(vectors) if alone else 0  # the longest vector, where there is nothing else
        self.bars_how: How = "linear" if self.bars <= max(FEW, 8 * min(vectors, default=1)) else "sqrt"
        self.factor = 1.0
        self.solids = [Solid(v, picture.beside(k), towers=t) for k, (v, t) in enumerate(zip(picture.volumes, towers(picture)))]
        self.apart = len(picture.volumes) <= 11  # few volumes: pooling stands on its own, too

    def side(self, size: float) -> float:
        scale = SCALES[self.how]
        return max(LEAST_SIDE, self.factor * SIDE * scale(size) / scale(self.largest))

    def set(self, factor: float) -> None:
        self.factor = factor
        for solid, spatial in zip(self.solids, self.spatial):
            self.shape(solid, spatial)

    def shape(self, s: Solid, spatial: Sequence[float]) -> None:
        v, tallest = s.volume, self.factor * SIDE
        if not spatial and self.bars:
            of, s.units = SCALES[self.bars_how], v.channels if self.bars <= FEW else 1
            most = min(tallest, self.factor * UNIT * self.bars) if self.bars <= FEW else tallest
            s.high, s.wide, s.parts = max(LEAST_SIDE, most * of(v.channels) / of(self.bars)), 5.0, (5.0,)
            return
        if not spatial:
            high = 1.25 * self.factor * sqrt(v.channels)
            s.high, s.wide, s.parts, s.cut = max(5.0, min(high, tallest)), 5.0, (5.0,), high > tallest
            return
        depth = min(MOST_DEPTH, max(LEAST_DEPTH, self.factor * 1.15 * sqrt(v.channels / s.towers)))
        sides = [self.side(n) for n in spatial]
        s.high, s.wide = (sides[0], 6.0) if len(sides) == 1 else (sides[-2], sides[-1])
        if len(sides) == 3:
            depth = sides[0]
        if s.towers == 2:
            s.high, s.wide = 0.82 * s.high, 0.82 * s.wide
        if v.kind == "pool" and not self.apart and not v.whole:
            depth = max(2.4, min(depth, 4.5))
        total = sum(n for n, _ in v.looks)
        s.parts = tuple(max(depth * n / total, self.least(s, n)) for n, _ in v.looks)

    def least(self, s: Solid, channels: int) -> float:
        """How thick a slice is at least, for its number to stand or lie on it."""
        if not s.numbered:
            return 0.0
        long = width(str(channels), FONT)
        return UPRIGHT if s.high >= long + 4 else long + BESIDE


def extents(volumes: Sequence[Volume]) -> list[tuple[float, ...]]:
    """The spatial sizes of each volume; of those that are not known what they would be for an input of a usual size."""
    found: list[tuple[float, ...]] = []
    for v in volumes:
        before = found[-1] if found and len(found[-1]) == len(v.spatial) else (NOMINAL,) * len(v.spatial)
        steps = v.stride or v.window if v.kind == "pool" else v.stride
        steps = steps if len(steps) == len(v.spatial) else (1,) * len(v.spatial)
        found.append(tuple(float(s) if s is not None else b * d if v.kind == "up" else b / d
                           for s, b, d in zip(v.spatial, before, steps)))
    return found


def towers(picture: Picture) -> list[int]:
    """Two where a short net keeps its channels in two halves, from the first layer that does to the last."""
    volumes = picture.volumes
    halves = [k for k, v in enumerate(volumes) if v.groups == 2 and v.kind == "conv" and not v.depthwise]
    plain = all(u.first == u.last for u in picture.units) and not picture.arcs and not picture.inflows
    if not halves or not plain or len(volumes) > 16 or any(len(v.spatial) == 0 for v in volumes[halves[0]:halves[-1] + 1]):
        return [1] * len(volumes)
    first, last = halves[0], halves[-1]
    while first and volumes[first - 1].kind == "pool":
        first -= 1
    if first and volumes[first - 1].kind == "conv":
        first -= 1
    while last + 1 < len(volumes) and volumes[last + 1].kind == "pool":
        last += 1
    return [2 if first <= k <= last else 1 for k in range(len(volumes))]
