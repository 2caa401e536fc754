"""An encoder and its decoder as a U: with arms that go down and come up again, or with a row to the right for each level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product

from ..looks import Theme
from ..scene import CLOSE, FRAME, Box, Scene
from .board import Board, Placed, mid, mid_along
from .columns import U
from .obstacles import Point, Rect
from .pieces import Piece, piece

ARM = 34  # between the arms of a U
LEVEL, NEAR = 20, 6  # between its levels; where room is scarce
LANE = 4.5  # from lane to lane
BESIDE = 9  # from a box to an arc that turns beside it
# How far from the middle of a side arcs leave a box, and come in, where others do too.
SPREAD = ((0.0, 0.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0), (0.0, -6.0), (6.0, 6.0), (-6.0, -6.0))
LANES = (0, -1, 1)
Way = Sequence[Point]


def as_u(scene: Scene, theme: Theme, u: U, *, roomy: bool = False) -> Placed:
    """One arm goes down, the other comes up beside it, so that what is copied across runs level."""
    board = Board(scene, theme, False)
    arms_of = [{n for level in arm for n in level} for arm in (u.down, u.up)]
    pieces = [piece(part, theme, "TB" if k < len(u.down) else "BT", k + 1, roomy,
                    ends=_ends(scene, part.boxes, arms_of[k >= len(u.down)]))
              for k, part in enumerate(scene.cut([*u.down, *u.up]))]
    down, up = pieces[:len(u.down)], pieces[len(u.down):]
    rows = {k: p.height for k, p in enumerate(down)}
    for r, p in zip(u.rows, up):
        rows[r] = max(rows.get(r, 0), p.height)
    begin: dict[int, float] = {}
    along, apart = 0.0, NEAR if scene.between == CLOSE else LEVEL
    for r in range(min(0, *u.rows), len(down)):
        begin[r], along = along, along + rows.get(r, 0) + apart
    left = max(_through(p, scene)[0] for p in down)
    arms = 0.0
    of: dict[str, tuple[int, int]] = {}  # the arm and row of each box
    for k, p in enumerate(down):
        board.put(p, begin[k] + rows[k] - p.height, left - _through(p, scene)[0])
        arms = max(arms, left - _through(p, scene)[0] + p.width)
        of |= dict.fromkeys(p.boxes, (0, k))
    axis = max(_through(p, scene)[0] for p in up)
    end = 0.0
    for r, p in zip(u.rows, up):
        at = arms + ARM + axis - _through(p, scene)[0]
        board.put(p, begin[r] + rows[r] - p.height, at)
        end = max(end, at + p.width)
        of |= dict.fromkeys(p.boxes, (1, r))
    aside = 0
    for arc in scene.arcs:
        (arm, row), (to, level) = of[arc.source], of[arc.target]
        if (arm, row) == (to, level):
            continue
        s, t = board.boxes[arc.source], board.boxes[arc.target]
        if arm == to:
            aside += abs(row - level) > 1
            near = abs(row - level) == 1
            between = [r for r in (*board.boxes.values(), *board.there.frames)
                       if r.x0 < max(s.x1, t.x1) and min(s.x0, t.x0) < r.x1 and (r.y0 < arms) == (arm == 0)]
            board.arc(arc, chain(_in_arm(s, t, arm, near, arms if arm == 0 else end, aside), _round(s, t, arm, between)))
        else:
            board.arc(arc, _across(s, t, arms + ARM / 2, arc.kind == "data" and row == len(down) - 1))
    board.rest(pieces)
    return board.placed(along - apart, end + LANE * aside + (6 if aside else 0))


def _ends(scene: Scene, boxes: Sequence[Box], arm: set[str]) -> frozenset[str]:
    """Those of these boxes that arcs join with others of their arm."""
    own = {b.name for b in boxes}
    return frozenset(n for a in scene.arcs if {a.source, a.target} <= arm and (a.source in own) != (a.target in own)
                     for n in (a.source, a.target) if n in own)


def _through(p: Piece, scene: Scene) -> tuple[float, float]:
    """Where the lines through an arm cross a piece: the middle of its first box."""
    order = {b.name: k for k, b in enumerate(scene.boxes)}
    return p.boxes[min(p.boxes, key=order.__getitem__)].middle


def _in_arm(s: Rect, t: Rect, arm: int, next_: bool, edge: float, lane: int) -> Iterator[Way]:
    """From level to level of one arm: straight on, or around what lies between."""
    out, into = (s.x1, t.x0) if arm == 0 else (s.x0, t.x1)
    for off, on in SPREAD:
        if next_:
            half = (out + into) / 2 if abs(into - out) < 2 * BESIDE else into - BESIDE if arm == 0 else into + BESIDE
            yield [(out, mid(s) + off), (half, mid(s) + off), (half, mid(t) + on), (into, mid(t) + on)]
        else:
            at = edge + LANE * lane
            yield [(mid_along(s) + off, s.y1), (mid_along(s) + off, at), (mid_along(t) + on, at), (mid_along(t) + on, t.y1)]


def _round(s: Rect, t: Rect, arm: int, between: Sequence[Rect]) -> Iterator[Way]:
    """From a level of an arm to one behind it, beside what else stands there: out of the side of a box or by its end, along one
    of its edges or borders, and into the other by its begin or from the side."""
    out, into, away = (s.x1, t.x0, BESIDE) if arm == 0 else (s.x0, t.x1, -BESIDE)
    lanes = sorted({y for r in between for beside in (FRAME / 2, BESIDE) for y in (r.y0 - beside, r.y1 + beside)},
                   key=lambda y: abs(y - mid(s)))
    along = mid_along(s)
    for lane in (y for y in lanes if y > 0):
        if lane < s.y0 - 4 or lane > s.y1 + 4:
            starts = [[(along + off, s.y0 if lane < s.y0 else s.y1), (along + off, lane)] for off in (0, 6, -6)]
        elif s.y0 + 4 < lane < s.y1 - 4:
            starts = [[(out, lane)]]
        else:
            continue
        for start in starts:
            yield [*start, (into - away, lane), (into - away, mid(t)), (into, mid(t))]
            if lane < t.y0 - 4 or lane > t.y1 + 4:
                yield [*start, (mid_along(t), lane), (mid_along(t), t.y0 if lane < t.y0 else t.y1)]


def _across(s: Rect, t: Rect, between: float, bottom: bool) -> Iterator[Way]:
    """From the one arm to the other."""
    for off, on in SPREAD:
        a, b = mid_along(s) + off, mid_along(t) + on
        if bottom:
            yield [(a, s.y1), (a, mid(t) + on), (t.x1, mid(t) + on)]
        if not on and t.x0 + 4 < a < t.x1 - 4:
            yield [(a, s.y1), (a, t.y0)]
        for lane in LANES:
            yield [(a, s.y1), (a, between + LANE * lane), (b, between + LANE * lane), (b, t.y0)]
    for side, away, (off, on) in product((t.x1, t.x0), (BESIDE, 5, 13), SPREAD):  # from below or from above
        a, level = mid_along(s) + off, side + (away if side == t.x1 else -away)
        yield [(a, s.y1), (a, between), (level, between), (level, mid(t) + on), (side, mid(t) + on)]


def in_rows(scene: Scene, theme: Theme, u: U, *, roomy: bool = False) -> Placed:
    """Each level is a row that flows to the right: those of the encoder below each other, those of the decoder beside them from
    below to above."""
    board = Board(scene, theme, True)
    arms_of = [{n for level in arm for n in level} for arm in (u.down, u.up)]
    pieces = [piece(part, theme, "LR", k + 1, roomy, beside=True, ends=_ends(scene, part.boxes, arms_of[k >= len(u.down)]))
              for k, part in enumerate(scene.cut([*u.down, *u.up]))]
    places = [(0, k) for k in range(len(u.down))] + [(1, r) for r in u.rows]  # the arm and row of each piece
    above: dict[int, float] = {}
    below: dict[int, float] = {}
    for (_, row), p in zip(places, pieces):
        line = _through(p, scene)[1]
        above[row], below[row] = max(above.get(row, 0), line), max(below.get(row, 0), p.height - line)
    axis: dict[int, float] = {}
    high = LEVEL / 2 + 2  # an arc may lie above the first row
    for row in sorted(above):
        axis[row], high = high + above[row], high + above[row] + below[row] + LEVEL
    facing = set(u.rows)
    left = LANE * 2 + BESIDE
    arms = max((p.width for (arm, row), p in zip(places, pieces) if arm == 0 and row in facing), default=0) + left
    end = 0.0
    of: dict[str, int] = {}
    for (arm, row), p in zip(places, pieces):
        at = left if arm == 0 else arms + ARM
        board.put(p, at, axis[row] - _through(p, scene)[1])
        end = max(end, at + p.width)
        of |= dict.fromkeys(p.boxes, row)
    gaps = {row: axis[row] - above[row] - LEVEL / 2 for row in above}  # above each row
    gaps[max(above) + 1] = high - LEVEL / 2
    piece_of = {name: k for k, p in enumerate(pieces) for name in p.boxes}
    for arc in sorted((a for a in scene.arcs if piece_of[a.source] != piece_of[a.target]), key=lambda a: a.kind):
        s, t = board.boxes[arc.source], board.boxes[arc.target]
        near = [gaps[r] for r in sorted({of[arc.source], of[arc.source] + 1, of[arc.target], of[arc.target] + 1} & set(gaps))]
        if not arc.label:  # a word wants the room above
            near.sort(key=lambda g: abs(2 * g - mid(s) - mid(t)))
        board.arc(arc, _ways(s, t, near, arms + ARM / 2))
    return board.placed(max(end, *(x for line, _ in board.there.lines for x, _ in line)) + 6, high - LEVEL / 2)


def _ways(s: Rect, t: Rect, gaps: Sequence[float], between: float) -> Iterator[Way]:
    """From a box of one row to one of another, those with few bends first: out of it to the right, down or up, along a gap
    between rows, and into the other from the left, from above or from below. Here x runs to the right."""
    for off, on in SPREAD:
        a, b, c, d = mid_along(s) + off, mid_along(t) + on, mid(s) + off, mid(t) + on
        if s.x1 < t.x0:
            if t.y0 + 4 < c < t.y1 - 4:
                yield [(s.x1, c), (t.x0, c)]
            for x in (t.x0 - BESIDE, *(between + LANE * k for k in LANES)):
                yield [(s.x1, c), (x, c), (x, d), (t.x0, d)]
        if s.x1 < b:
            yield [(s.x1, c), (b, c), (b, t.y1 if c > t.y1 else t.y0)]
        for gap in gaps:
            for g in (gap + LANE * k for k in LANES if gap + LANE * k > 1):
                out, into = s.y1 if g > s.y1 else s.y0, t.y1 if g > t.y1 else t.y0
                yield [(a, out), (a, g), (b, g), (b, into)]
                yield [(a, out), (a, g), (t.x0 - BESIDE, g), (t.x0 - BESIDE, d), (t.x0, d)]
                yield [(s.x1, c), (s.x1 + BESIDE, c), (s.x1 + BESIDE, g), (b, g), (b, into)]
                yield [(s.x1, c), (s.x1 + BESIDE, c), (s.x1 + BESIDE, g), (t.x0 - BESIDE, g), (t.x0 - BESIDE, d), (t.x0, d)]
