"""Pieces placed beside each other: columns, or the two arms of a U; and the arcs between them.

Everything is told along and across the flow, so that columns of a drawing that flows down are rows of one that flows right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import hypot

from .columns import GUTTER, U, parts
from .dot import Flow
from .lettering import FAMILY, width
from .looks import Theme
from .pieces import Piece, Rect, piece
from .scene import SMALL, Arc, Scene

CHANNEL = 9  # from a column's end to the first lane of arcs around it
LANE = 4.5  # from lane to lane
ARM = 34  # between the arms of a U
LEVEL = 20  # between its levels
CORNER = 5
Point = tuple[float, float]


@dataclass
class Placed:
    """A drawing: SVG elements, and its size."""

    body: str
    width: float
    height: float
    boxes: dict[str, Rect]


@dataclass
class _Sheet:
    """A drawing under construction. Points are (along, across)."""

    scene: Scene
    theme: Theme
    right: bool
    body: list[str] = field(default_factory=list)
    boxes: dict[str, Rect] = field(default_factory=dict)  # in along and across: x0 is where a box begins along the flow
    drawn: int = 0

    def put(self, p: Piece, along: float, across: float) -> None:
        x, y = (along, across) if self.right else (across, along)
        self.body.append(f'<g transform="translate({x:.2f} {y:.2f})">\n{p.body}</g>\n')
        for name, r in p.boxes.items():
            r = r.moved(x, y)
            self.boxes[name] = r if self.right else Rect(r.y0, r.x0, r.y1, r.x1)

    def arc(self, arc: Arc, points: Sequence[Point]) -> None:
        """An arc through these points, with round corners and its arrow."""
        look = {"data": (self.theme.line, 1.1, ""), "skip": (self.theme.skip, 1.6, ""),
                "reference": (self.theme.reference, 1.1, ' stroke-dasharray="5,2"')}[arc.kind]
        colour, wide, dash = look
        way = [p if self.right else (p[1], p[0]) for p in _without_repeats(points)]
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
            + (self.label(arc.label, way) if arc.label else "") + "</g>\n")

    def label(self, text: str, way: Sequence[Point]) -> str:
        """Beside the last part of the way but one, which leads to what it is said of alone."""
        (x0, y0), (x1, y1) = way[-3:-1] if len(way) > 2 else way
        x, y = ((x0 + 3, (y0 + y1) / 2) if abs(x1 - x0) < abs(y1 - y0) else ((x0 + x1) / 2 - width(text, SMALL) / 2, y0 - 3))
        return (f'<text x="{x:.2f}" y="{y:.2f}" font-family="{FAMILY}" font-size="{SMALL:.2f}" fill="{self.theme.label}" '
                f'textLength="{width(text, SMALL):.2f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>\n')

    def placed(self, along: float, across: float) -> Placed:
        flip = self.boxes if self.right else {n: Rect(r.y0, r.x0, r.y1, r.x1) for n, r in self.boxes.items()}
        return Placed("".join(self.body), *((along, across) if self.right else (across, along)), flip)


def single(scene: Scene, theme: Theme, right: bool, _: Sequence[int] = ()) -> Placed:
    """The whole scene as one piece."""
    p = piece(scene, theme, "LR" if right else "TB", 0)
    return Placed(p.body, p.width, p.height, p.boxes)


def in_columns(scene: Scene, theme: Theme, right: bool, starts: Sequence[int]) -> Placed:
    """The scene cut before these boxes into columns that stand side by side."""
    names = parts(scene, starts)
    sheet = _Sheet(scene, theme, right)
    pieces = [piece(scene.part(n), theme, "LR" if right else "TB", k + 1) for k, n in enumerate(names)]
    column = {name: k for k, n in enumerate(names) for name in n}
    between = sorted((a for a in scene.arcs if column[a.source] != column[a.target]),
                     key=lambda a: (column[a.target] - column[a.source], column[a.source]))
    far = sum(column[a.target] - column[a.source] > 1 for a in between)
    lanes = [sum(k in (column[a.source] + 1, column[a.target]) for a in between) for k in range(len(names))]
    begin = CHANNEL + LANE * far + (4 if between else 0)
    edges, across = [], 0.0  # where each column begins and ends across
    for k, p in enumerate(pieces):
        across += 0 if k == 0 else max(GUTTER - 8, LANE * lanes[k] + 8)
        sheet.put(p, begin, across)
        breadth = p.height if right else p.width
        edges.append((across, across + breadth))
        across += breadth
    ends = [begin + (p.width if right else p.height) for p in pieces]
    used = [0] * len(names)  # lanes, of the gutter before each column
    high = 0
    for arc in between:
        i, j = column[arc.source], column[arc.target]

        def lane(k: int) -> float:
            used[k] += 1
            return edges[k][0] - LANE * used[k] - 3

        s, t = sheet.boxes[arc.source], sheet.boxes[arc.target]
        leave = max(s.x1 + 7, ends[i] + 3 if _is_last(s, sheet, names[i]) else 0)
        enter = t.x0 - 9
        points = [(s.x1, _mid(s)), (leave, _mid(s))]
        if j == i + 1:
            at = lane(j)
            points += [(leave, at), (enter, at)]
        else:
            high += 1
            first, second, over = lane(i + 1), lane(j), begin - CHANNEL - LANE * high
            points += [(leave, first), (over, first), (over, second), (enter, second)]
        sheet.arc(arc, [*points, (enter, _mid(t)), (t.x0, _mid(t))])
    return sheet.placed(max(ends) + 6, across)


def as_u(scene: Scene, theme: Theme, right: bool, u: U) -> Placed:
    """The scene as a U: one arm goes down, the other comes up beside it, so that what is copied across runs level."""
    flows: tuple[Flow, Flow] = ("LR", "RL") if right else ("TB", "BT")
    sheet = _Sheet(scene, theme, right)
    long: Callable[[Piece], float] = lambda p: p.width if right else p.height  # noqa: E731
    broad: Callable[[Piece], float] = lambda p: p.height if right else p.width  # noqa: E731
    down = [piece(scene.part(n), theme, flows[0], k + 1) for k, n in enumerate(u.down)]
    up = [piece(scene.part(n), theme, flows[1], len(down) + k + 1) for k, n in enumerate(u.up)]
    top = min(0, *u.rows)
    rows = {k: long(p) for k, p in enumerate(down)}
    for r, p in zip(u.rows, up):
        rows[r] = max(rows.get(r, 0), long(p))
    begin: dict[int, float] = {}
    along = 0.0
    for r in range(top, len(down)):
        begin[r], along = along, along + rows.get(r, 0) + LEVEL
    left = max(map(_through(u.down, scene, right), down))
    arms = max(broad(p) for p in down)
    of: dict[str, tuple[int, int]] = {}  # the arm and row of each box
    for k, p in enumerate(down):
        sheet.put(p, begin[k] + rows[k] - long(p), left - _through(u.down, scene, right)(p))
        arms = max(arms, left - _through(u.down, scene, right)(p) + broad(p))
        of |= dict.fromkeys(p.boxes, (0, k))
    axis = max(map(_through(u.up, scene, right), up))
    end = 0.0
    for r, p in zip(u.rows, up):
        at = arms + ARM + axis - _through(u.up, scene, right)(p)
        sheet.put(p, begin[r] + rows[r] - long(p), at)
        end = max(end, at + broad(p))
        of |= dict.fromkeys(p.boxes, (1, r))
    aside = 0
    for arc in scene.arcs:
        (arm, row), (to, level) = of[arc.source], of[arc.target]
        if (arm, row) == (to, level):
            continue
        s, t = sheet.boxes[arc.source], sheet.boxes[arc.target]
        if arm == to:
            aside += abs(row - level) > 1
            sheet.arc(arc, _along(s, t, arm, abs(row - level) == 1, arms if arm == 0 else end, aside))
        elif arc.kind == "data" and row == len(down) - 1:  # over the bottom
            sheet.arc(arc, [(_mid_along(s), s.y1), (_mid_along(s), _mid(t)), (t.x1, _mid(t))])
        else:
            sheet.arc(arc, _level(s, t, arms + ARM / 2))
    return sheet.placed(along - LEVEL, end + LANE * aside + (6 if aside else 0))


def _through(arm: Sequence[frozenset[str]], scene: Scene, right: bool) -> Callable[[Piece], float]:
    """Where the line through an arm crosses a piece: the middle of its first box."""
    order = {b.name: k for k, b in enumerate(scene.boxes)}

    def middle(p: Piece) -> float:
        first = p.boxes[min(p.boxes, key=order.__getitem__)]
        return first.middle[1] if right else first.middle[0]

    return middle


def _along(s: Rect, t: Rect, arm: int, next_: bool, edge: float, lane: int) -> list[Point]:
    """From level to level of one arm: straight on, or around what lies between."""
    out, into = (s.x1, t.x0) if arm == 0 else (s.x0, t.x1)
    if next_:
        half = into - 9 if arm == 0 else into + 9
        return [(out, _mid(s)), (half, _mid(s)), (half, _mid(t)), (into, _mid(t))]
    at = edge + LANE * lane
    return [(_mid_along(s), s.y1), (_mid_along(s), at), (_mid_along(t), at), (_mid_along(t), t.y1)]


def _level(s: Rect, t: Rect, between: float) -> list[Point]:
    """From the one arm to the other."""
    a, b = _mid_along(s), _mid_along(t)
    if t.x0 + 4 < a < t.x1 - 4:
        return [(a, s.y1), (a, t.y0)]
    return [(a, s.y1), (a, between), (b, between), (b, t.y0)]


def _is_last(box: Rect, sheet: _Sheet, names: frozenset[str]) -> bool:
    """Whether nothing of its column lies after a box."""
    return all(sheet.boxes[n].x0 < box.x1 for n in names)


def _mid(r: Rect) -> float:
    return (r.y0 + r.y1) / 2


def _mid_along(r: Rect) -> float:
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
