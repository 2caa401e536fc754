"""Encoders and decoders as a U: each size a level, pooling down, upsampling up, what is carried over level with both."""

from __future__ import annotations

from itertools import pairwise

from ..drawing.lettering import width
from .canvas import FONT, Canvas
from .captions import remarks, size
from .clusters import Cluster, clusters
from .paint import ACROSS, FILL
from .rows import DASHES
from .sizes import KX, KY, Scale
from .solids import numbers, solid
from .volumes import Picture, Volume

APART = 48.0  # between the two arms, more than must be, where the page has it
GAP = 28.0  # between levels: a caption and room for an arrow


def is_u(picture: Picture) -> bool:
    """Whether it goes down and up again, with two or more arcs level across."""
    across = [a for a in picture.arcs if a.kind in ("copy", "places") and not a.label]
    if len(across) < 2 or picture.inflows or picture.heads or not any(_rises(v) for v in picture.volumes):
        return False
    levels = _levels(list(picture.volumes))
    lowest = levels.index(max(levels))
    down, up = levels[:lowest + 1], levels[lowest:]
    steady = all(b - a in (0, 1) for a, b in pairwise(down)) and all(a - b in (0, 1) for a, b in pairwise(up))
    return steady and len(set(levels)) > 1 and all(v.spatial for v in picture.volumes)


def _rises(v: Volume) -> bool:
    return v.kind == "up" or (v.kind == "concat" and any(part == "up" for _, part in v.slices)) or (
        v.kind == "closed" and "up " in v.word)


def _levels(volumes: list[Volume]) -> list[int]:
    """Of each volume its level from above: a pooling, or a step, leads down after it, upsampling up."""
    level, found = 0, []
    for v in volumes:
        if _rises(v):
            level -= 1
        elif _falls(v) and v.kind != "pool":
            level += 1
        found.append(level)
        if v.kind == "pool" and _falls(v):
            level += 1
    return found


def _falls(v: Volume) -> bool:
    steps = v.stride or v.window if v.kind == "pool" else v.stride
    return (v.kind in ("pool", "conv", "closed") and any(s > 1 for s in steps)) or any(n.startswith("first /") for n in v.notes)


def draw_u(picture: Picture, scale: Scale, page: float, high: float) -> Canvas:
    u = _U(picture, scale, page, high)
    u.fit()
    return u.draw()


class _U:
    def __init__(self, picture: Picture, scale: Scale, page: float, high: float):
        self.picture, self.scale, self.page, self.high = picture, scale, page, high
        of = _levels([s.volume for s in scale.solids])
        scale.apart = False
        self.clusters: list[Cluster] = []
        self.levels: list[int] = []
        for c in clusters(scale, whole=True):
            level = of[c.first]
            if self.levels and self.levels[-1] == level and c.solids[0].volume.kind == "closed" and not _rises(
                    c.solids[0].volume) and not _falls(c.solids[0].volume):
                self.clusters[-1].solids += c.solids
            else:
                self.clusters.append(c)
                self.levels.append(level)
        self.deepest = max(self.levels)
        self.apart = 0.0
        for s in scale.solids:
            s.numbered = s.volume.kind not in ("pool", "input", "closed")

    def fit(self) -> None:
        """The largest scale at which it is no wider and no higher than the page."""
        factor = 1.5
        while True:
            self.scale.set(factor)
            right = self.place()
            tall = sum(self.height(k) + GAP for k in range(self.deepest + 1))
            if (right <= self.page and tall <= self.high - 20) or factor < 0.3:
                break
            factor -= 0.05
        self.apart = max(0.0, min(APART, self.page - right))
        self.place()

    def height(self, level: int) -> float:
        solids = [s for c, at in zip(self.clusters, self.levels) if at == level for s in c.solids]
        return max((s.high + s.wide * KY for s in solids), default=0.0)

    def place(self) -> float:
        """Every cluster's x; returns how wide all is."""
        self.at: list[float] = []
        right: dict[int, float] = {}
        words: dict[int, float] = {}  # where captions of a level end
        left = 0.0
        for k, c in enumerate(self.clusters):
            level, lead, room = self.levels[k], c.solids[0].wide / 2 * KX, self.room(c)
            before = self.clusters[k - 1] if k else None
            x = 0.0
            if before is not None:
                end = self.at[-1] + before.depth
                if self.levels[k - 1] == level:
                    meet = before.solids[-1].volume.kind == "pool"  # both arms, on the lowest level
                    x = right[level] + lead + (24 + self.apart if meet else 12)
                else:  # straight below a pooling, straight above the last volume
                    x = end - before.solids[-1].depth / 2 - c.solids[0].depth / 2 + (lead if self.levels[k - 1] > level else 0)
                    x += self.beside(k - 1) if self.levels[k - 1] > level else 0
                if self.levels[k - 1] > level:
                    x = max(x, right.get(level, -1e9) + lead + 24 + self.apart)
            anchor = self.anchor(k)
            begins = {"end": c.depth - c.solids[-1].depth / 2 - 3 - room, "start": c.solids[0].depth / 2 - lead + 4,
                      "middle": (c.depth - lead) / 2 - room / 2}[anchor]
            x = max(x, words.get(level, -1e9) + 5 - begins)
            words[level] = x + begins + room
            self.at.append(x)
            right[level] = x + c.depth + c.solids[-1].wide / 2 * KX
            left = min(left, x - lead, x + begins)
        return max(*right.values(), *words.values()) - left + 8

    def anchor(self, k: int) -> str:
        """Captions keep off the arrows: before one that leads down, after one that comes from below."""
        after = self.levels[k + 1] if k + 1 < len(self.levels) else self.levels[k]
        if after > self.levels[k]:
            return "end"
        return "start" if k and self.levels[k - 1] > self.levels[k] else "middle"

    def beside(self, k: int) -> float:
        """How far right of the middle the arrow upwards leaves a cluster: where one from above ends there, beside that."""
        last, came = self.clusters[k].solids[-1], k and self.levels[k - 1] < self.levels[k]
        return min(max(6.0, last.wide * KX / 4), last.depth / 2 + last.wide * KX / 2) if came and len(
            self.clusters[k].solids) == 1 else 0.0

    def lines(self, c: Cluster) -> list[str]:
        v = next((s.volume for s in reversed(c.solids) if s.volume.kind != "pool"), c.solids[-1].volume)
        said = [n for n in remarks([s.volume for s in c.solids], c.unit) if not n.startswith(("first /", "shortcut"))]
        closed = [s.volume for s in c.solids if s.volume.kind == "closed"]
        blocks = sum(b.times for b in closed)
        if closed:
            return [size(v), f"{blocks} blocks" if blocks > 1 else closed[0].word]
        return [size(v), *([", ".join(said)] if said else [])]

    def room(self, c: Cluster) -> float:
        return max(width(line, FONT) for line in self.lines(c))

    def draw(self) -> Canvas:
        s = Canvas()
        y, axes = 0.0, []
        for level in range(self.deepest + 1):
            most = max(len(self.lines(c)) for k, c in enumerate(self.clusters) if self.levels[k] == level)
            h = self.height(level)
            axes.append(y + h / 2)
            y += h + GAP + (most - 1) * 9
        for k, c in enumerate(self.clusters):
            x = self.at[k]
            for b in c.solids:
                b.x, b.y = x, axes[self.levels[k]]
                x += b.depth
        self.across(s)
        for c in self.clusters:
            for b in c.solids:
                solid(s, b, b.y)
            for b in c.solids:
                if b.numbered:
                    numbers(s, b)
                elif b.volume.kind == "closed" and b.volume.times > 1 and b.depth > width(f"×{b.volume.times}", FONT):
                    s.text(b.x + b.depth / 2 - b.wide / 2 * KX, b.foot - 3, f"×{b.volume.times}", fill="#111111")
        for k in range(len(self.clusters)):
            self.caption(s, k)
        for k in range(1, len(self.clusters)):
            self.step(s, k)
        return s

    def across(self, s: Canvas) -> None:
        solids = self.scale.solids
        for a in self.picture.arcs:
            start, end = solids[a.source], solids[a.target]
            after = solids[a.source + 1]
            if after.volume.kind == "pool" and after.y == start.y:
                start = after
            y = start.y - 2 - (start.high * 0.3 if a.target <= a.source + 2 else 0)
            y = min(y, end.y + end.high / 2 - 4)
            s.line([(start.end + start.wide * KX / 2, y), (end.x - end.wide / 2 * KX - 1, y)], *ACROSS,
                   DASHES["places"] if a.kind == "places" else (), arrow=True)

    def caption(self, s: Canvas, k: int) -> None:
        c, anchor = self.clusters[k], self.anchor(k)
        foot = max(b.foot for b in c.solids) + FONT + 1
        first, last = c.solids[0], c.solids[-1]
        x = {"end": last.x + last.depth / 2 - 3, "start": first.x + first.depth / 2 - first.wide / 2 * KX + 4,
             "middle": (first.x - first.wide / 2 * KX + last.end) / 2}[anchor]
        for j, line in enumerate(self.lines(c)):
            s.text(x, foot + 9 * j, line, anchor=anchor, fill="text" if j == 0 else "quiet")  # type: ignore[arg-type]

    def step(self, s: Canvas, k: int) -> None:
        """The arrow from one cluster to the next: level, down, or up."""
        before, c = self.clusters[k - 1], self.clusters[k]
        first, last = c.solids[0], before.solids[-1]
        if self.levels[k] == self.levels[k - 1]:
            s.line([(last.end + 1, last.y), (first.x - first.wide / 2 * KX - 1, last.y)], "line", 0.8, arrow=True)
        elif self.levels[k] > self.levels[k - 1]:
            x = first.x + first.depth / 2
            s.line([(x, last.y + last.high / 2), (x, first.top + first.wide * KY / 2)], FILL["pool"], 1.4, arrow=True)
        else:
            foot = max(b.foot for b in c.solids)
            start, x = last.x + last.depth / 2 + self.beside(k - 1), first.x + first.depth / 2 - first.wide / 2 * KX
            bend = [(start, foot + 13), (x, foot + 13)] if abs(x - start) > 1 else []
            back = min(self.beside(k - 1) / KX, last.wide / 2) * KY
            s.line([(start, last.top + last.wide * KY / 2 - back), *bend, (x, foot + 1)], "#b07a17", 1.4, arrow=True)
