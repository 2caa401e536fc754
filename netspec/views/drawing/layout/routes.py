"""A way for an arc where none of the simple ones is clear: level and upright pieces between what is there, the cheapest of all.

The lines it may lead along are few: beside boxes, frames and other arcs, and through the middles of its own two boxes. Of those
the crossings are points of a graph, in which A* finds the way (Hart, Nilsson and Raphael, "A Formal Basis for the Heuristic
Determination of Minimum Cost Paths", 1968).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import inf

from .obstacles import ALONG, APART, CROSSING, MEETING, NEAR, OVER, THROUGH, Obstacles, Point, Rect, distance, runs

BEND, LONG = 6.0, 0.05  # what a corner costs, and a point of the way
AGAINST = 40.0  # to begin at the side of a box that the flow comes to, or to end at the one that it leaves
ASIDE = 0.3  # what it costs for each point that an arc begins or ends beside the middle of a side
OFFSETS = (0.0, 6.0, -6.0, 12.0, -12.0)  # from the middle of a side
GAP = 6.5  # from a box to a line that passes it
KEPT = 3.4  # at least, from a box to any way
BORDER = 4.0  # from the border of a frame
LANE = 4.5  # from another arc
PASSED = 24.0  # the length of arcs beside which others may be led
STUB = 7.0  # of an arc, straight before a box
SAME = 2.5  # lines closer than this are one
Port = tuple[Point, int, int, float]  # a place on a box, along which axis and which way it looks, and what it costs
State = tuple[tuple[int, int], int, int]  # a point of the graph, and along which axis and which way an arc has come to it


def route(there: Obstacles, arc: tuple[str, str, str]) -> Sequence[Point]:
    """The cheapest way from the side of one box to a side of another; it may share what others of its source and kind run along.
    Empty where there is none."""
    return _Grid(there, arc).way()


class _Grid:
    def __init__(self, there: Obstacles, arc: tuple[str, str, str]):
        self.there, self.arc = there, arc
        self.s, self.t = there.boxes[arc[0]], there.boxes[arc[1]]
        others = [p for line, of in there.lines if of[0] != arc[0] or of[2] != arc[2] for p in line]
        self.starts, self.ends = (
            [(at, axis, sign, cost + AGAINST * ((axis, sign) == back) + MEETING * any(distance(at, p) < APART for p in others))
             for at, axis, sign, cost in filter(self.open, _ports(box))] for box, back in ((self.s, (0, -1)), (self.t, (0, 1))))
        self.at = self.coordinates(0), self.coordinates(1)
        many = len(self.at[0]), len(self.at[1])
        # costs[d][k][n]: of the piece along axis d from the n-th of its places to the next, at the k-th place of the other axis
        self.costs = [[[LONG * (b - a) for a, b in pairwise(self.at[d])] for _ in range(many[1 - d])] for d in (0, 1)]
        self.mark()

    def open(self, port: Port) -> bool:
        """Whether there is room for an arrow before it."""
        a, b = port[0], _before(port)
        place = Rect(min(a[0], b[0]) - 2, min(a[1], b[1]) - 2, max(a[0], b[0]) + 2, max(a[1], b[1]) + 2)
        return not any(r.meets(place) for name, r in self.there.boxes.items() if name not in self.arc[:2])

    def coordinates(self, d: int) -> list[float]:
        """Where lines may lead, of the places along this axis."""
        everything = [*self.there.boxes.values(), *self.there.frames]
        low = 2.0
        high = max(_span(r, d)[1] for r in everything) + GAP
        must = {_before(p)[d] for p in (*self.starts, *self.ends)}
        may: set[float] = set()
        for r in self.there.boxes.values():
            a, b = _span(r, d)
            may |= {a - GAP, b + GAP}
        for r in self.there.frames:
            a, b = _span(r, d)
            may |= {a - BORDER, a + BORDER, b - BORDER, b + BORDER}
        for (p, q), of in self.there.lines:
            if abs(p[d] - q[d]) < 0.5 and abs(p[1 - d] - q[1 - d]) > PASSED:
                may |= {p[d] - LANE, p[d] + LANE}
                if of[0] == self.arc[0] and of[2] == self.arc[2]:
                    must.add(p[d])
        kept = sorted(must)
        for x in sorted(may):
            k = bisect_left(kept, x)
            if low <= x <= high and all(abs(x - y) >= SAME for y in kept[max(k - 1, 0):k + 1]):
                kept.insert(k, x)
        return kept

    def mark(self) -> None:
        """What each piece costs beside its length."""
        for name, r in self.there.boxes.items():
            wide = 0.2 if name in self.arc[:2] else KEPT
            self.block(Rect(r.x0 - wide, r.y0 - wide, r.x1 + wide, r.y1 + wide), OVER)
        for r in self.there.titles:
            self.block(Rect(r.x0 - 1, r.y0 - 1, r.x1 + 1, r.y1 + 1), THROUGH)
        for r in self.there.frames:
            for side in r.sides:
                self.beside(side, False)
        for line, of in self.there.lines:
            own = of[0] == self.arc[0] and of[2] == self.arc[2]
            self.beside(line, own)
            if not own:
                self.crossed(line)

    def block(self, r: Rect, cost: float) -> None:
        for d in (0, 1):
            (a, b), (low, high) = _span(r, d), _span(r, 1 - d)
            for k in _within(self.at[1 - d], low, high):
                for n in self.overlapping(d, a, b):
                    self.costs[d][k][n] += cost

    def overlapping(self, d: int, a: float, b: float) -> Iterator[int]:
        """The pieces along an axis that have more than a point in common with what lies from a to b."""
        places = self.at[d]
        for n in range(max(bisect_right(places, a) - 1, 0), len(places) - 1):
            if places[n] >= b:
                return
            if min(places[n + 1], b) - max(places[n], a) > 1:
                yield n

    def beside(self, line: tuple[Point, Point], own: bool) -> None:
        """What runs along a line costs; along one of the same source it costs nothing, not even its length."""
        for d in (0, 1):
            if runs(line, d):
                a, b = sorted((line[0][d], line[1][d]))
                level = (line[0][1 - d] + line[1][1 - d]) / 2
                for k in _within(self.at[1 - d], level - NEAR, level + NEAR):
                    on = own and abs(self.at[1 - d][k] - level) < 0.5
                    for n in self.overlapping(d, a, b):
                        long = min(self.at[d][n + 1], b) - max(self.at[d][n], a)
                        self.costs[d][k][n] += max(-LONG * long, -self.costs[d][k][n]) if on else ALONG * long

    def crossed(self, line: tuple[Point, Point]) -> None:
        for d in (0, 1):  # pieces along this axis
            (a, b) = sorted(line, key=lambda p: p[1 - d])
            for k in _within(self.at[1 - d], a[1 - d], b[1 - d]):
                share = (self.at[1 - d][k] - a[1 - d]) / (b[1 - d] - a[1 - d])
                n = bisect_right(self.at[d], a[d] + (b[d] - a[d]) * share) - 1
                if 0 <= n < len(self.at[d]) - 1:
                    self.costs[d][k][n] += CROSSING

    def way(self) -> list[Point]:
        goals = {(self.place(p), p[1], -p[2]): p for p in self.ends}
        starts = {(self.place(p), p[1], p[2]): p for p in self.starts}
        best = {state: port[3] for state, port in starts.items()}
        heap = [(cost + self.ahead(state), cost, state) for state, cost in best.items()]
        heapify(heap)
        before: dict[State, State] = {}
        least, found = inf, None
        while heap and heap[0][0] < least:
            _, cost, state = heappop(heap)
            if cost > best[state]:
                continue
            if state in goals and cost + goals[state][3] < least:
                least, found = cost + goals[state][3], state
            for more, after in self.steps(state):
                if cost + more < best.get(after, inf):
                    best[after], before[after] = cost + more, state
                    heappush(heap, (cost + more + self.ahead(after), cost + more, after))
        if found is None:
            return []
        points, state = [goals[found][0]], found
        while state in before:
            after, state = state, before[state]
            if state[1] != after[1]:  # a corner
                i, j = state[0]
                points.append((self.at[0][i], self.at[1][j]))
        return [*points, starts[state][0]][::-1]

    def ahead(self, state: State) -> float:
        """What the rest of a way from there costs at least."""
        (i, j), axis, _ = state
        x, y = self.at[0][i], self.at[1][j]
        across, down = max(self.t.x0 - x, x - self.t.x1, 0.0), max(self.t.y0 - y, y - self.t.y1, 0.0)
        return LONG * (across + down) + (BEND if (across if axis else down) else 0.0)

    def steps(self, state: State) -> Iterator[tuple[float, State]]:
        """Where a way can go on from a point that it has come to along this axis, and what that costs."""
        (i, j), axis, sign = state
        for d, s in ((axis, sign), (1 - axis, 1), (1 - axis, -1)):
            n, k = (i, j) if d == 0 else (j, i)
            if 0 <= n + s < len(self.at[d]):
                piece = self.costs[d][k][min(n, n + s)]
                yield piece + (BEND if d != axis else 0), ((n + s, k) if d == 0 else (k, n + s), d, s)

    def place(self, port: Port) -> tuple[int, int]:
        x, y = _before(port)
        return bisect_left(self.at[0], x), bisect_left(self.at[1], y)


def _ports(r: Rect) -> Iterator[Port]:
    """Where arcs may begin or end at a box: on each side, in its middle or beside it."""
    for d in (0, 1):
        (a, b), (low, high) = _span(r, d), _span(r, 1 - d)
        for place, sign in ((a, -1), (b, 1)):
            for off in OFFSETS:
                level = (low + high) / 2 + off
                if low + 4 < level < high - 4 or not off:
                    yield ((place, level) if d == 0 else (level, place)), d, sign, ASIDE * abs(off)


def _before(port: Port) -> Point:
    """Where an arc to it, or from it, may have its first corner."""
    (x, y), axis, sign, _ = port
    return (x + STUB * sign, y) if axis == 0 else (x, y + STUB * sign)


def _span(r: Rect, d: int) -> tuple[float, float]:
    return (r.x0, r.x1) if d == 0 else (r.y0, r.y1)


def _within(places: Sequence[float], low: float, high: float) -> Iterable[int]:
    return range(bisect_right(places, low), bisect_left(places, high))
