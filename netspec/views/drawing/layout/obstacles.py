"""What an arc should keep clear of: boxes, titles and borders of frames, other arcs; and which of several ways does so best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from math import hypot, inf

Point = tuple[float, float]
Line = tuple[Point, Point]
OVER, THROUGH, ALONG, CROSSING = 1000.0, 300.0, 8.0, 20.0  # what a box, a title, a point beside a line, and a crossing cost
MEETING = 80.0  # what it costs to end where another arc does
APART = 5.6  # the tips of arrows, in points
NEAR = 2.6  # lines closer than this lie on each other, in points
MOST = 36  # ways that are looked at
GOOD = 60.0  # a way that costs less is not worth a search for another


@dataclass(frozen=True)
class Rect:
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    @property
    def flipped(self) -> Rect:
        return Rect(self.y0, self.x0, self.y1, self.x1)

    @property
    def sides(self) -> tuple[Line, ...]:
        a, b, c, d = (self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)
        return (a, b), (b, c), (c, d), (d, a)

    def moved(self, x: float, y: float) -> Rect:
        return Rect(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def meets(self, other: Rect) -> bool:
        return self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1

    def holds(self, other: Rect) -> bool:
        return self.x0 <= other.x0 and other.x1 <= self.x1 and self.y0 <= other.y0 and other.y1 <= self.y1


@dataclass
class Obstacles:
    """All that is there so far, in one system of coordinates. Of each arc's lines it is known which arc they are of."""

    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: list[Rect] = field(default_factory=list)
    titles: list[Rect] = field(default_factory=list)
    lines: list[tuple[Line, tuple[str, str, str]]] = field(default_factory=list)

    def clearest(self, arc: tuple[str, str, str], ways: Iterable[Sequence[Point]]) -> tuple[float, Sequence[Point]]:
        """The first way that is clear, else the one that costs least of the first MOST, and what it costs; an arc is its source,
        target and kind."""
        best: tuple[float, Sequence[Point]] = (inf, ())
        for way in islice(ways, MOST):
            cost = self.cost(arc, way, best[0])
            if cost < best[0] - 1:
                best = cost, way
            if cost < GOOD:
                break
        return best

    def cost(self, arc: tuple[str, str, str], way: Sequence[Point], enough: float = inf) -> float:
        """How much a way runs over, through and along what is there, and how far and with how many bends it goes; counted until
        it is enough."""
        total = sum(0.02 * distance(p, q) + 1 for p, q in pairwise(way))
        for k, line in enumerate(pairwise(way)):
            reach = _around(line)
            ends = ({arc[0]} if k == 0 else set()) | ({arc[1]} if k == len(way) - 2 else set())
            total += OVER * sum(reach.meets(r) for name, r in self.boxes.items() if name not in ends)
            total += THROUGH * sum(reach.meets(r) for r in self.titles)
            if total > enough:
                break
            for frame in self.frames:
                if reach.meets(frame):
                    total += ALONG * sum(beside(line, side) for side in frame.sides)
            for other, of in self.lines:
                (x0, y0), (x1, y1) = other
                if k == len(way) - 2 and of[1] == arc[1] and distance(way[-1], other[1]) < APART:
                    total += MEETING
                if (max(x0, x1) < reach.x0 or min(x0, x1) > reach.x1 or max(y0, y1) < reach.y0 or min(y0, y1) > reach.y1
                        or (of[0] == arc[0] and of[2] == arc[2])):  # what has one source may run together, and part
                    continue
                if shared := beside(line, other):
                    total += ALONG * shared
                elif crosses(line, other):
                    total += CROSSING
        return total

    def free(self, place: Rect, frames: bool = True) -> bool:
        """Whether a text may stand there; `frames` says that no frame may run through it."""
        return not (any(place.meets(r) for r in self.boxes.values()) or any(place.meets(r) for r in self.titles)
                    or any(reaches(line, place) for line, _ in self.lines)
                    or (frames and any(reaches(side, place) for f in self.frames for side in f.sides)))

    def beside(self, way: Sequence[Point], wide: float, high: float, flipped: bool = False,
               room: tuple[float, float] = (0, inf)) -> Rect:
        """Where a text of this size stands beside a way, as near its end as there is room; then nothing else stands there. The
        way is told as x and y, which in these coordinates may be flipped."""
        spots: list[Rect] = []
        aslant: list[Rect] = []
        for (x0, y0), (x1, y1) in [*reversed(list(pairwise(way))), (way[0], way[-1])]:  # a slight curve is of short pieces
            upright = abs(x1 - x0) < abs(y1 - y0)
            for share in (0.5, 0.25, 0.75) if hypot(x1 - x0, y1 - y0) > high else ():
                x, y = x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
                spots += [Rect(a, b - 0.5 * high, a + wide, b + 0.5 * high) for a, b in (
                    [(x + 3, y), (x - 3 - wide, y), (x + 6, y), (x - 6 - wide, y)] if upright else
                    [(x - wide / 2, y - high / 2 - 2), (x - wide / 2, y + high / 2 + 2)])]
                aslant += [Rect(a, b - 0.5 * high, a + wide, b + 0.5 * high) for b in (y - high, y + high)
                           for a in (x + 2, x - 2 - wide)]
                aslant += [Rect(a, b - 0.5 * high, a + wide, b + 0.5 * high) for b in (y, y - high / 2, y + high / 2)
                           for a in (x + high, x - high - wide)] if x0 != x1 and y0 != y1 else []
        (x0, y0), (x1, y1) = way[-2:]
        spots += [*aslant, Rect((x0 + x1) / 2 + 3, (y0 + y1) / 2 - high / 2, (x0 + x1) / 2 + 3 + wide, (y0 + y1) / 2 + high / 2)]
        spots = [r for r in spots if room[0] <= r.x0 and r.x1 <= room[1]] or spots
        spot = next((r for frames in (True, False) for r in spots if self.free(r.flipped if flipped else r, frames)), spots[0])
        self.titles.append(spot.flipped if flipped else spot)
        return spot


def beside(a: Line, b: Line) -> float:
    """How far two level or upright lines run along each other, in points."""
    found = 0.0
    for d in (0, 1):  # they run along this one
        e = 1 - d
        if runs(a, d) and runs(b, d) and abs(a[0][e] + a[1][e] - b[0][e] - b[1][e]) < 2 * NEAR:
            low, high = max(min(a[0][d], a[1][d]), min(b[0][d], b[1][d])), min(max(a[0][d], a[1][d]), max(b[0][d], b[1][d]))
            found = max(found, high - low)
    return found


def runs(line: Line, d: int) -> bool:
    """Whether a line runs along one of the axes, all but straight."""
    return abs(line[0][1 - d] - line[1][1 - d]) < max(0.5, 0.25 * abs(line[0][d] - line[1][d]))


def distance(p: Point, q: Point) -> float:
    return hypot(p[0] - q[0], p[1] - q[1])


def crosses(a: Line, b: Line) -> bool:
    """Whether two lines cut each other."""

    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(*a, b[0]) * side(*a, b[1]) < 0 and side(*b, a[0]) * side(*b, a[1]) < 0


def reaches(line: Line, place: Rect) -> bool:
    """Whether a line touches a rectangle."""
    (x0, y0), (x1, y1) = line
    if not Rect(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)).meets(
            Rect(place.x0 - 0.1, place.y0 - 0.1, place.x1 + 0.1, place.y1 + 0.1)):
        return False
    inside = any(place.x0 <= x <= place.x1 and place.y0 <= y <= place.y1 for x, y in line)
    return inside or any(crosses(line, side) for side in place.sides) or x0 == x1 or y0 == y1


def _around(line: Line) -> Rect:
    (x0, y0), (x1, y1) = line
    return Rect(min(x0, x1) - NEAR, min(y0, y1) - NEAR, max(x0, x1) + NEAR, max(y0, y1) + NEAR)
