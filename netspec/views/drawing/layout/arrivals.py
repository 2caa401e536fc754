"""The ends of arcs that Graphviz has laid out.

It leads them all to the middle of a box, and their arrows may stand on each other. Here those that arrive at one side of a box
are spread over it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import pairwise
from math import atan2, cos, pi, sin

from .obstacles import APART, Line, Point, Rect, distance

EDGE = re.compile(r'<g id="edge\d+" class="edge ?(\w*)">\s*<title>(.*?)</title>(.*?)</g>', re.DOTALL)
CHORDS = 6  # of each part of a curve, where it is measured
GAP = 7.5  # between the tips of two arrows that stood closer than APART
CORNER = 6.0  # from the end of a side, at least
STRAIGHT = 0.5  # an arc that comes in straight stays where it is


@dataclass(frozen=True)
class Edge:
    """An arc as Graphviz writes it: points of Bezier curves from its begin to the base of its arrow, and the arrow's tip."""

    match: re.Match[str]
    source: str
    target: str
    kind: str
    points: list[Point]
    tip: Point
    backwards: bool

    def lines(self) -> Iterator[Line]:
        """It as straight lines from its begin to its tip."""
        found = self.points[:1]
        for a, b, c, d in zip(self.points[::3], self.points[1::3], self.points[2::3], self.points[3::3]):
            straight = all(abs(p[0] - a[0]) < 0.3 for p in (b, c, d)) or all(abs(p[1] - a[1]) < 0.3 for p in (b, c, d))
            for k in (CHORDS,) if straight else range(1, CHORDS + 1):
                t = k / CHORDS
                w = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t ** 3
                found.append((sum(v * p[0] for v, p in zip(w, (a, b, c, d))), sum(v * p[1] for v, p in zip(w, (a, b, c, d)))))
        yield from pairwise([*found, self.tip])


def edges(body: str) -> list[Edge]:
    return [e for m in EDGE.finditer(body) if (e := _edge(m))]


def spread(body: str, boxes: Mapping[str, Rect], round_: Collection[str]) -> str:
    """The same with the arrows apart that end at one side of a box; `round_` boxes are circles."""
    sides: dict[tuple[str, int], list[Edge]] = {}
    for e in edges(body):
        side = -1 if e.target in round_ else min(range(4), key=lambda k: _off(e.tip, boxes[e.target].sides[k]))
        sides.setdefault((e.target, side), []).append(e)
    moved: dict[str, str] = {}
    for (name, side), found in sides.items():
        if any(distance(a.tip, b.tip) < APART for k, a in enumerate(found) for b in found[:k]):
            tips = _round(found, boxes[name]) if side < 0 else _along(found, boxes[name].sides[side])
            moved |= {e.match[0]: _moved(e, tip) for e, tip in zip(found, tips)}
    return EDGE.sub(lambda m: moved.get(m[0], m[0]), body) if moved else body


def _along(found: Sequence[Edge], side: Line) -> list[Point]:
    """Where the tips of these stand on a side."""
    d = 0 if abs(side[0][0] - side[1][0]) > abs(side[0][1] - side[1][1]) else 1
    low, high = sorted((side[0][d], side[1][d]))
    fixed = next((k for k, e in enumerate(found) if max(p[d] for p in e.points) - min(p[d] for p in e.points) < STRAIGHT), None)
    places = _apart([e.tip[d] for e in found], GAP, low + CORNER, high - CORNER, fixed)
    return [(x, e.tip[1]) if d == 0 else (e.tip[0], x) for x, e in zip(places, found)]


def _round(found: Sequence[Edge], circle: Rect) -> list[Point]:
    """Where the tips of these stand on a circle."""
    (x, y), radius = circle.middle, (circle.x1 - circle.x0) / 2
    towards = atan2(sum(e.tip[1] - y for e in found), sum(e.tip[0] - x for e in found))
    angles = [(atan2(e.tip[1] - y, e.tip[0] - x) - towards + pi) % (2 * pi) - pi for e in found]
    return [(x + radius * cos(towards + a), y + radius * sin(towards + a))
            for a in _apart(angles, GAP / radius, -0.8 * pi, 0.8 * pi, None)]


def _apart(places: Sequence[float], gap: float, low: float, high: float, fixed: int | None) -> list[float]:
    """These places with a gap between neighbours, moved as little as may be; the fixed one stays."""
    order = sorted(range(len(places)), key=places.__getitem__)
    gap = min(gap, (high - low) / (len(places) - 1))
    up, down = [places[k] for k in order], [places[k] for k in order]
    start = 0 if fixed is None else order.index(fixed)
    for k in range(start + 1, len(order)):
        up[k] = max(up[k], up[k - 1] + gap)
    for k in range((len(order) if fixed is None else start + 1) - 2, -1, -1):
        down[k] = min(down[k], down[k + 1] - gap)
    new = [(a + b) / 2 for a, b in zip(up, down)] if fixed is None else [*down[:start], *up[start:]]
    for k in range(len(new) - 2, -1, -1):
        new[-1] = min(new[-1], high)
        new[k] = min(new[k], new[k + 1] - gap)
    for k in range(1, len(new)):
        new[0] = max(new[0], low)
        new[k] = max(new[k], new[k - 1] + gap)
    out = [0.0] * len(places)
    for k, x in zip(order, new):
        out[k] = x
    return out


def _moved(e: Edge, tip: Point) -> str:
    """The element of an arc whose tip is moved, the last part of its curve with it."""
    dx, dy = tip[0] - e.tip[0], tip[1] - e.tip[1]
    last = len(e.points) - 1
    points = [(x + dx * share, y + dy * share) for k, (x, y) in enumerate(e.points)
              for share in [{last: 1.0, last - 1: 1.0}.get(k, 0.0)]]
    points = points[::-1] if e.backwards else points
    text = "M" + "".join(f"{x:.2f},{y:.2f}" + ("C" if k == 0 else " ") for k, (x, y) in enumerate(points)).rstrip()
    element = re.sub(r'(<path [^>]*\bd=")[^"]*', lambda m: m[1] + text, e.match[0], count=1)

    def shifted(m: re.Match[str]) -> str:
        return m[1] + " ".join(f"{x + dx:.2f},{y + dy:.2f}" for x, y in _pairs(m[2]))

    return re.sub(r'(<polygon [^>]*\bpoints=")([^"]*)', shifted, element, count=1)


def _edge(m: re.Match[str]) -> Edge | None:
    source, _, target = unescape(m[2]).partition("->")
    path = re.search(r'<path [^>]*\bd="([^"]*)"', m[3])
    arrow = re.search(r'<polygon [^>]*\bpoints="([^"]*)"', m[3])
    if path is None or arrow is None:
        return None
    points = _pairs(path[1])
    ends = points[0], points[-1]
    tip = max(_pairs(arrow[1]), key=lambda p: min(distance(p, end) for end in ends))
    backwards = distance(tip, ends[0]) < distance(tip, ends[1])
    return Edge(m, source, target, m[1] or "data", points[::-1] if backwards else points, tip, backwards)


def _pairs(text: str) -> list[Point]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", text)]


def _off(p: Point, side: Line) -> float:
    """How far a point lies beside a level or upright side."""
    (x0, y0), (x1, y1) = side
    beyond = max(min(x0, x1) - p[0], p[0] - max(x0, x1), min(y0, y1) - p[1], p[1] - max(y0, y1), 0.0)
    return beyond + (abs(p[1] - y0) if y0 == y1 else abs(p[0] - x0))
