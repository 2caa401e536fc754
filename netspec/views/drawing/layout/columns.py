"""Where a long drawing is cut into columns, and whether it stands as a U; decided before anything is laid out.

Heights are estimated: of a column, the longest way through its boxes; of a frame, what it adds. The cuts are those that make the
highest column least, where few arcs cross them and no frame of repeated turns is cut.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..dot import BESIDE
from ..scene import FRAME, TITLE, Box, Frame, Scene

GUTTER = 30  # between columns
CROSSING = 30  # what one more arc across a cut costs, in points of height
RIMS = 8  # what the second border of a box adds
MOST = 8  # columns
LOOSE = 1.06  # how much longer columns come out than their boxes and frames add up to
STEP = 1.7  # sizes that differ more than this are another level of a U
LEVELS = 2  # down, and up again, at least


@dataclass(frozen=True)
class U:
    """Levels of boxes: going down, and up again. `rows` are those of the second, the first are 0, 1, ..."""

    down: tuple[frozenset[str], ...]
    up: tuple[frozenset[str], ...]
    rows: tuple[int, ...]


class Estimate:
    """How large parts of a scene will be."""

    def __init__(self, scene: Scene, right: bool):
        self.boxes, self.between = scene.boxes, scene.between
        self.place = {b.name: k for k, b in enumerate(self.boxes)}
        self.along = [(b.width if right else b.height) + (RIMS if b.times > 1 else 0) for b in self.boxes]
        self.across = [(b.height if right else b.width) + (RIMS if b.times > 1 else 0) for b in self.boxes]
        self.before, self.after, self.wide, self.whole = _frames(scene, right)
        self.known: dict[int, list[float]] = {}  # lengths of columns
        self.best: list[list[tuple[float, int]]] = []  # of so many columns, to each cut: the least height, and the cut before
        self.sources: list[list[int]] = [[] for _ in self.boxes]
        for arc in scene.arcs:
            a, b = self.place[arc.source], self.place[arc.target]
            self.sources[b].append(a)
        self.crossed = [0] * (len(self.boxes) + 1)  # arcs over the cut before each box, one of each source
        last: dict[int, int] = {}
        for b, sources in enumerate(self.sources):
            for a in sources:
                last[a] = max(last.get(a, a), b)
        for a, b in last.items():
            for k in range(a + 1, b + 1):
                self.crossed[k] += 1

    def lengths(self, start: int) -> list[float]:
        """The length of a column from this box to each later one."""
        if start in self.known:
            return self.known[start]
        ends: dict[int, float] = {}
        top, longest, out = 0.0, 0.0, self.known.setdefault(start, [])
        for k in range(start, len(self.boxes)):
            top = max((ends[s] for s in self.sources[k] if s >= start), default=-self.between) + self.between
            ends[k] = top + self.along[k] + self.before[k] + self.after[k]
            longest = max(longest, ends[k])
            out.append(longest)
        return out

    def breadth(self, start: int, end: int) -> float:
        """How broad a column of these boxes is: its fullest rank, and the arcs that pass it."""
        rank: dict[int, int] = {}
        full: dict[int, float] = {}
        passing: dict[int, int] = {}
        for k in range(start, end):
            rank[k] = max((rank[s] + 1 for s in self.sources[k] if s >= start), default=0)
            full[rank[k]] = full.get(rank[k], -BESIDE) + self.across[k] + BESIDE + self.wide[k]
        seen: set[tuple[int, int]] = set()
        for k in range(start, end):
            for s in self.sources[k]:
                for r in range(rank[s] + 1, rank[k]) if s >= start else ():
                    if (s, r) not in seen:
                        seen.add((s, r))
                        passing[r] = passing.get(r, 0) + 1
        return max((w + 14 * passing.get(r, 0) for r, w in full.items()), default=0)

    def columns(self, most: int) -> list[int] | None:
        """The first box of each of so many columns; None where there are not as many places to cut."""
        n = len(self.boxes)
        cuts = [k for k in range(n + 1) if k in (0, n) or (not self.whole[k] and self.crossed[k] <= 8)]
        if len(cuts) <= most:
            return None
        best = self.best
        if not best:
            best.append([(0.0, -1)] + [(float("inf"), -1)] * (len(cuts) - 1))
        for _ in range(most - len(best) + 1):
            row = [(float("inf"), -1)] * len(cuts)
            for j in range(1, len(cuts)):
                fee = CROSSING * max(0, self.crossed[cuts[j]] - 1) if cuts[j] < n else 0
                for i in range(j - 1, -1, -1):
                    long = self.lengths(cuts[i])[cuts[j] - cuts[i] - 1] + fee
                    if long > row[j][0]:
                        break  # a column that begins earlier is longer still
                    row[j] = min(row[j], (max(best[-1][i][0], long), i))
            best.append(row)
        j, starts = len(cuts) - 1, []
        for k in range(most, 0, -1):
            j = best[k][j][1]
            starts.append(cuts[j])
        return starts[::-1]

    def size(self, starts: Sequence[int]) -> tuple[float, float]:
        """(along, across) of a drawing in these columns."""
        ends = [*starts[1:], len(self.boxes)]
        long = max(self.lengths(a)[b - a - 1] for a, b in zip(starts, ends))
        lanes = 24 if len(starts) > 1 else 0
        return long * LOOSE + lanes, sum(self.breadth(a, b) for a, b in zip(starts, ends)) + GUTTER * (len(starts) - 1)

    def of_u(self, u: U) -> float:
        """About how high a U is whose arms go down and up: the longest parts of its rows. Copies stand beside what they join."""
        high = {n: self.along[k] + self.before[k] + self.after[k] + self.between for n, k in self.place.items()}
        rows = [sum(high[n] for n in level) for level in u.down]
        for row, level in zip(u.rows, u.up):
            if row >= 0:
                rows[row] = max(rows[row], sum(high[n] for n in level) * 0.75)
        return sum(rows)

    def in_rows(self, u: U) -> tuple[float, float]:
        """About how wide and high a U is with a row for each level; this is of a scene that flows to the right."""
        inside = {level: [k for n, k in self.place.items() if n in level] for level in (*u.down, *u.up)}
        long = {level: sum(self.along[k] + self.before[k] + self.after[k] + self.between for k in boxes)
                for level, boxes in inside.items()}
        rows: dict[int, float] = {}
        for row, level in zip((*range(len(u.down)), *u.rows), (*u.down, *u.up)):
            rows[row] = max(rows.get(row, 0), *(self.across[k] + self.wide[k] + self.between for k in inside[level]))
        facing = max((long[d] for k, d in enumerate(u.down) if k in u.rows), default=0)
        return max(facing + max(long[d] for d in u.up) * 0.8, *(long[d] for d in u.down)), sum(rows.values())


def _frames(scene: Scene, right: bool) -> tuple[list[float], list[float], list[float], list[bool]]:
    """What frames add before, after and beside each box, and whether the cut before it would cut a frame of repeated turns."""
    n = len(scene.boxes)
    before, after, wide, whole = [0.0] * n, [0.0] * n, [0.0] * n, [False] * (n + 1)
    at = 0

    def walk(items: Sequence[Frame | Box]) -> None:
        nonlocal at
        for item in items:
            if isinstance(item, Box):
                at += 1
                continue
            start = at
            walk(item.inside)
            before[start] += FRAME + (0 if right else TITLE)
            after[at - 1] += FRAME
            for k in range(start, at):
                wide[k] = max(wide[k], 2 * FRAME + (TITLE if right else 0))
            if item.times > 1:
                whole[start + 1:at] = [True] * (at - start - 1)

    walk(scene.items)
    return before, after, wide, whole


def u_of(scene: Scene) -> U | None:
    """The scene as a U, if it is an encoder and a decoder: sizes go down by two levels and more, and up by two and more."""
    heads = _heads(scene)
    boxes = [b for b in scene.boxes if b.name not in heads]
    levels: list[tuple[int, list[str]]] = []  # +1 where it is larger than the one before
    last: int | None = None
    for box in boxes:
        size = scene.sizes.get(box.name)
        if size is None:
            if not box.name.startswith("output ") or not levels:
                return None
        elif last is None or size > last * STEP or size * STEP < last:
            levels.append((0 if last is None else 1 if size > last else -1, []))
        last = last if size is None else size
        levels[-1][1].append(box.name)
    signs = [s for s, _ in levels]
    lowest = signs.index(1) if 1 in signs else len(signs)
    if lowest - 1 < LEVELS or len(signs) - lowest < LEVELS or -1 in signs[lowest:]:
        return None
    at = {name: k for k, (_, names) in enumerate(levels) for name in names}
    for head, source in heads.items():
        at[head] = at[source]
        levels[at[head]][1].append(head)
    if _cut_within(scene, at):
        return None
    down, up = [frozenset(b) for _, b in levels[:lowest]], [frozenset(b) for _, b in levels[lowest:]]
    rows, row = [], lowest - 1
    for level in up:
        across = [k for a in scene.arcs if a.target in level for k, d in enumerate(down[:-1]) if a.source in d]
        row = min(row - 1, max(across, default=row - 1))
        rows.append(row)
    return U(tuple(down), tuple(up), tuple(rows))


def _heads(scene: Scene) -> dict[str, str]:
    """The boxes from which nothing comes to the last output, each with the first box on the way to it: they stand beside the U.
    They are told in order."""
    sources: dict[str, list[str]] = {}
    for arc in scene.arcs:
        sources.setdefault(arc.target, []).append(arc.source)
    main: set[str] = set()
    stack = [scene.boxes[-1].name]
    while stack:
        name = stack.pop()
        if name not in main:
            main.add(name)
            stack += sources.get(name, ())
    return {b.name: sources[b.name][0] for b in scene.boxes if b.name not in main and b.name in sources}


def _cut_within(scene: Scene, level: Mapping[str, int]) -> bool:
    """Whether these levels would cut a frame of repeated turns."""
    whole = _frames(scene, False)[3]
    at = [level[b.name] for b in scene.boxes]
    return any(whole[k] and at[k] != at[k - 1] for k in range(1, len(at)))


def parts(scene: Scene, starts: Sequence[int]) -> list[frozenset[str]]:
    """The names of the boxes of each column. An output stands where the box is that it comes from."""
    names = [b.name for b in scene.boxes]
    column = {name: bisect_right(starts, k) - 1 for k, name in enumerate(names)}
    column |= {a.target: column[a.source] for a in scene.arcs if a.target.startswith("output ")}
    found = [frozenset(n for n in names if column[n] == k) for k in range(len(starts))]
    return [f for f in found if f]
