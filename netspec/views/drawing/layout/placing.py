"""A scene as one piece, or as columns that stand side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

from ..looks import Theme
from ..scene import Scene
from .board import Board, Placed, mid, mid_along
from .columns import GUTTER, parts
from .obstacles import Point, Rect
from .pieces import piece

CHANNEL = 9  # from a column's end to the first lane of arcs around it
LANE = 4.5  # from lane to lane
SPREAD = (0.0, 6.0, -6.0)  # where arcs leave the side of a box that others leave too


def single(scene: Scene, theme: Theme, right: bool, _: Sequence[int] = (), *, roomy: bool = False) -> Placed:
    """The whole scene as one piece."""
    board = Board(scene, theme, right)
    p = piece(scene, theme, "LR" if right else "TB", 0, roomy)
    board.put(p, 0, 0)
    board.rest([p])
    return board.placed(*((p.width, p.height) if right else (p.height, p.width)))


def in_columns(scene: Scene, theme: Theme, right: bool, starts: Sequence[int], *, roomy: bool = False) -> Placed:
    """The scene cut before these boxes into columns that stand side by side."""
    names = parts(scene, starts)
    board = Board(scene, theme, right)
    pieces = [piece(part, theme, "LR" if right else "TB", k + 1, roomy) for k, part in enumerate(scene.cut(names))]
    column = {name: k for k, n in enumerate(names) for name in n}
    between = sorted((a for a in scene.arcs if column[a.source] != column[a.target]),
                     key=lambda a: (column[a.target] - column[a.source], column[a.source]))
    values = {a: (a.source, a.kind) for a in between}  # what carries one value shares a lane
    far = len({values[a] for a in between if column[a.target] - column[a.source] > 1})
    lanes = [len({values[a] for a in between if k in (column[a.source] + 1, column[a.target])}) for k in range(len(names))]
    begin = CHANNEL + LANE * (far + max(lanes)) if between else 0
    edges, across = [], 0.0  # where each column begins and ends across
    for k, p in enumerate(pieces):
        across += 0 if k == 0 else max(GUTTER - 8, LANE * lanes[k] + 8)
        board.put(p, begin, across)
        breadth = p.height if right else p.width
        edges.append((across, across + breadth))
        across += breadth
    ends = [begin + (p.width if right else p.height) for p in pieces]
    used: list[list[tuple[str, str]]] = [[] for _ in names]  # lanes, of the gutter before each column
    above: list[tuple[str, str]] = []  # and those above all columns

    def lane(taken: list[tuple[str, str]], value: tuple[str, str]) -> int:
        if value not in taken:
            taken.append(value)
        return taken.index(value) + 1

    for number, arc in enumerate(between):
        i, j = column[arc.source], column[arc.target]
        s, t = board.boxes[arc.source], board.boxes[arc.target]
        first, over = edges[i + 1][0] - LANE * lane(used[i + 1], values[arc]) - 3, 0.0
        second = first
        if j > i + 1:
            second = edges[j][0] - LANE * lane(used[j], values[arc]) - 3
            over = begin - LANE * (max(lanes) + lane(above, values[arc]))
        last = all(board.boxes[n].x0 < s.x1 for n in names[i])
        others = {values[a] for a in between[:number] if column[a.source] == i} - {values[arc]}
        low = max(s.x1 + 7, ends[i] + 3 + LANE * len(others)) if last else s.x1 + 7
        top = min(t.x0 - 9, begin - LANE * (len(used[j]) - 1)) if all(board.boxes[n].x1 > t.x0 for n in names[j]) else t.x0 - 9

        def ways(s: Rect = s, t: Rect = t, first: float = first, second: float = second, over: float = over, last: bool = last,
                 low: float = low, top: float = top) -> Iterator[Sequence[Point]]:
            outs: list[Callable[[float], list[Point]]] = [
                lambda d: [(s.x1, mid(s) + d), (low, mid(s) + d), (low, first)],
                lambda d: [(mid_along(s) + d, s.y1), (mid_along(s) + d, first)]]
            ins: list[Callable[[float], list[Point]]] = [
                lambda d: [(top, second), (top, mid(t) + d), (t.x0, mid(t) + d)],
                lambda d: [(mid_along(t) + d, second), (mid_along(t) + d, t.y0)],
                lambda d: [(t.x0 - 14 - abs(d), second), (t.x0 - 14 - abs(d), mid(t) + d), (t.x0, mid(t) + d)],
                lambda d: [(t.x0 - 7, second), (t.x0 - 7, mid(t) + d), (t.x0, mid(t) + d)],
                lambda d: [(begin - 3 + d / 3, second), (begin - 3 + d / 3, t.y1 + 12 + d), (mid_along(t), t.y1 + 12 + d),
                           (mid_along(t), t.y1)]]  # around the column
            for off, on in product(SPREAD, SPREAD):
                for out, into in product(outs if last else outs[::-1], ins):
                    bridge = [] if first == second else [(over, first), (over, second)]
                    yield [*out(off), *bridge, *into(on)]

        board.arc(arc, ways())
    board.rest(pieces)
    return board.placed(max([*ends, *(r.x1 for r in board.boxes.values())]) + 6 + LANE * max(lanes),
                        max([across, *(y + 4 for line, _ in board.there.lines for _, y in line),
                             *(r.y1 + 4 for r in board.there.titles)]))
