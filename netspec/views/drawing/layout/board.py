"""A drawing under construction: pieces put beside each other, and the arcs between them, each led where it is clear.

Everything is told along and across the flow, so that columns of a drawing that flows down are rows of one that flows right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import hypot

from ..lettering import width
from ..looks import Theme
from ..scene import SMALL, Arc, Scene
from .obstacles import GOOD, Obstacles, Point, Rect
from .pieces import Piece, label
from .routes import route

CORNER = 5


@dataclass
class Placed:
    """A drawing: SVG elements, and its size. `crossed` titles of frames stand on arcs."""

    body: str
    width: float
    height: float
    boxes: dict[str, Rect]
    crossed: int = 0


@dataclass
class Board:
    """Points are (along, across)."""

    scene: Scene
    theme: Theme
    right: bool
    body: list[str] = field(default_factory=list)
    there: Obstacles = field(default_factory=Obstacles)  # in along and across: x0 is where a box begins along the flow
    drawn: int = 0
    crossed: int = 0

    @property
    def boxes(self) -> dict[str, Rect]:
        return self.there.boxes

    def put(self, p: Piece, along: float, across: float) -> None:
        x, y = (along, across) if self.right else (across, along)
        self.body.append(f'<g transform="translate({x:.2f} {y:.2f})">\n{p.body}</g>\n')

        def turned(r: Rect) -> Rect:
            return r.moved(x, y) if self.right else r.moved(x, y).flipped

        self.there.boxes |= {name: turned(r) for name, r in p.boxes.items()}
        self.there.frames += map(turned, p.frames)
        self.there.titles += map(turned, p.titles)
        for ((a, b), (c, d)), of in p.lines:
            line = ((a + x, b + y), (c + x, d + y)) if self.right else ((b + y, a + x), (d + y, c + x))
            self.there.lines.append((line, of))
        self.crossed += p.crossed

    def arc(self, arc: Arc, ways: Iterable[Sequence[Point]]) -> None:
        """An arc on the clearest of these ways, or on another that is found where none of them is good; with round corners and
        its arrow."""
        of = (arc.source, arc.target, arc.kind)
        cost, way = self.there.clearest(of, ways)
        if cost >= GOOD and (found := route(self.there, of)) and self.there.cost(of, found) < cost:
            way = found
        points = _without_repeats(way)
        self.there.lines += [(line, of) for line in pairwise(points)]
        look = {"data": (self.theme.line, 1.1, ""), "skip": (self.theme.skip, 1.6, ""),
                "reference": (self.theme.reference, 1.1, ' stroke-dasharray="5,2"')}[arc.kind]
        colour, wide, dash = look
        way = [p if self.right else (p[1], p[0]) for p in points]
        (x0, y0), (x1, y1) = way[-2], way[-1]
        length = max(hypot(x1 - x0, y1 - y0), 0.01)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        base = (x1 - 6 * ux, y1 - 6 * uy)
        head = [(x1, y1), (base[0] - 2.2 * uy, base[1] + 2.2 * ux), (base[0] + 2.2 * uy, base[1] - 2.2 * ux)]
        self.drawn += 1
        tag = "" if arc.target.startswith("output ") else f" {arc.kind}"
        self.body.append(
            f'<g id="across{self.drawn}" class="edge{tag}">\n<title>{escape(arc.source)}-&gt;{escape(arc.target)}</title>\n'
            f'<path fill="none" stroke="{colour}" stroke-width="{wide}"{dash} d="{_round([*way[:-1], base])}"/>\n'
            f'<polygon fill="{colour}" stroke="{colour}" points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in head)}"/>\n'
            + (self.label(arc.label, points) if arc.label else "") + "</g>\n")

    def rest(self, pieces: Iterable[Piece]) -> None:
        """The arcs that pieces leave to be drawn around what is there."""
        for arc in (a for p in pieces for a in p.left):
            s, t = self.boxes[arc.source], self.boxes[arc.target]
            self.arc(arc, [[(s.x1, mid(s)), (t.x0, mid(t))]])

    def label(self, text: str, way: Sequence[Point]) -> str:
        """Beside the last part of the way where there is room for it."""
        spot = self.there.beside(way if self.right else [(y, x) for x, y in way], width(text, SMALL), SMALL, not self.right)
        return label(text, spot, self.theme)

    def placed(self, along: float, across: float) -> Placed:
        lines = [p for line, _ in self.there.lines for p in line]
        along = max([along, *(x + 4 for x, _ in lines)])
        across = max([across, *(y + 4 for _, y in lines)])
        boxes = self.boxes if self.right else {n: r.flipped for n, r in self.boxes.items()}
        return Placed("".join(self.body), *((along, across) if self.right else (across, along)), boxes, self.crossed)


def mid(r: Rect) -> float:
    """Across the flow."""
    return (r.y0 + r.y1) / 2


def mid_along(r: Rect) -> float:
    return (r.x0 + r.x1) / 2


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    """The corners of a way: without points that lie where the one before does, or straight between their neighbours."""
    kept: list[Point] = []
    for p in points:
        if kept and hypot(p[0] - kept[-1][0], p[1] - kept[-1][1]) < 0.8 and len(kept) > 1:
            continue
        if len(kept) > 1 and any(abs(kept[-2][d] - kept[-1][d]) < 0.8 and abs(kept[-1][d] - p[d]) < 0.8 for d in (0, 1)):
            kept.pop()
        kept.append(p)
    return kept


def _round(points: Sequence[Point]) -> str:
    """A path through points with round corners."""
    out = [f"M{points[0][0]:.2f},{points[0][1]:.2f}"]
    for (x0, y0), (x, y), (x1, y1) in zip(points, points[1:], points[2:]):
        a, b = hypot(x - x0, y - y0), hypot(x1 - x, y1 - y)
        r = min(CORNER, a / 2, b / 2)
        if r > 0.1:
            out.append(f"L{x + (x0 - x) * r / a:.2f},{y + (y0 - y) * r / a:.2f}")
            out.append(f"Q{x:.2f},{y:.2f} {x + (x1 - x) * r / b:.2f},{y + (y1 - y) * r / b:.2f}")
    return "".join(out) + f"L{points[-1][0]:.2f},{points[-1][1]:.2f}"
