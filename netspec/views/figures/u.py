"""Encoders and decoders as a U: each size a level, pooling down, upsampling up, what is carried over level with both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ..drawing.lettering import width
from .canvas import FONT, Canvas, Text
from .captions import remarks, size
from .clusters import Cluster, clusters
from .paint import ACROSS, FILL
from .rows import DASHES, head_lines, round_block, round_parts
from .sizes import KX, KY, Scale, Solid
from .solids import numbers, solid
from .volumes import Head, Picture, Volume

APART = 48.0  # between the two arms, more than must be, where the page has it
GAP = 28.0  # between levels: a caption and room for an arrow
LEAVES = 20.0  # from what a head leaves to its words
OVER = 6.0  # how far above a slab what is carried over it runs


def is_u(picture: Picture) -> bool:
    """Whether it goes down and up again, with two or more arcs level across. What follows on the last level is its end: a pooling
    over all places, fully connected layers."""
    volumes = picture.volumes
    if picture.inflows or not any(_rises(v) for v in volumes):
        return False
    levels, turn = _levels(volumes), next(k for k, v in enumerate(volumes) if _rises(v))
    lowest = levels.index(max(levels))
    down, up = levels[:lowest + 1], levels[lowest:]
    steady = all(b - a in (0, 1) for a, b in pairwise(down)) and all(a - b in (0, 1) for a, b in pairwise(up))
    arcs = [a for a in picture.far if a.source < a.target]
    across = sum(0 <= levels[a.source] - levels[a.target] <= (a.kind == "places") and a.source < turn <= a.target for a in arcs)
    after = [*levels[1:], -1]
    heads = all(not levels[h.source] or after[h.source] < levels[h.source] for h in picture.heads)  # there is room beside them
    return (2 <= across == len(arcs) and heads and steady and len(set(levels)) > 1
            and all(v.spatial for v in volumes[:_end(volumes)]))


def _rises(v: Volume) -> bool:
    return v.kind == "up" or (v.kind == "concat" and any(part == "up" for _, part in v.slices)) or (
        v.kind == "closed" and "up " in v.word)


def _end(volumes: Sequence[Volume]) -> int:
    """Where the U is over: the first volume after it has risen that is no convolution."""
    risen = max(k for k, v in enumerate(volumes) if _rises(v))
    return next((k for k, v in enumerate(volumes) if k > risen and (v.kind in ("pool", "fc") or not v.spatial)), len(volumes))


def _levels(volumes: Sequence[Volume]) -> list[int]:
    """Of each volume its level from above: a pooling, or a step, leads down after it, upsampling up."""
    level, found, end = 0, [], _end(volumes)
    for k, v in enumerate(volumes):
        if _rises(v):
            level -= 1
        elif _falls(v) and v.kind != "pool" and k < end:
            level += 1
        found.append(level)
        if v.kind == "pool" and _falls(v) and k < end:
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
        of = _levels(picture.volumes)
        self.end = _end(picture.volumes)
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
        for k, s in enumerate(scale.solids):
            s.numbered = s.volume.kind not in ("pool", "input", "closed") and k < self.end
            copied = [part for part in s.volume.slices if part[1] == "copy"]  # first: there comes in what is carried over
            s.volume = replace(s.volume, slices=(*copied, *(part for part in s.volume.slices if part[1] != "copy")))
        self.where = {id(s): k for k, c in enumerate(self.clusters) for s in c.solids}
        self.heads: dict[int, list[Head]] = {}  # by the cluster that they leave
        for h in picture.heads:
            self.heads.setdefault(self.where[id(scale.solids[h.source])], []).append(h)

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
                    meet = before.solids[-1].volume.kind == "pool" and c.first < self.end  # both arms, on the lowest level
                    x = right[level] + lead + (24 + self.apart if meet else 12)
                else:  # straight below a pooling, straight above the last volume
                    rises = self.levels[k - 1] > level
                    x = end - before.solids[-1].depth / 2 - (_enters(c.solids[0]) - lead if rises else c.solids[0].depth / 2)
                    x += self.beside(k - 1) if rises else 0
                if self.levels[k - 1] > level:
                    x = max(x, right.get(level, -1e9) + lead + 24 + self.apart)
            anchor = self.anchor(k)
            begins = {"end": c.depth - c.solids[-1].depth / 2 - 3 - room, "start": _enters(c.solids[0]) - lead + 4,
                      "middle": (c.depth - lead) / 2 - room / 2}[anchor]
            x = max(x, words.get(level, -1e9) + 5 - begins)
            words[level] = x + begins + room
            self.at.append(x)
            right[level] = x + c.depth + c.solids[-1].wide / 2 * KX
            left = min(left, x - lead, x + begins)
        beside = [right[self.levels[k]] + LEAVES + max(width(line, FONT) for line in head_lines(heads))
                  for k, heads in self.heads.items() if self.is_last(k)]
        return max(*right.values(), *words.values(), *beside) - left + 8

    def is_last(self, k: int) -> bool:
        """Whether nothing stands right of a cluster on its level."""
        return self.levels[k] not in self.levels[k + 1:]

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
        if c.first >= self.end:
            return c.lines
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
        for u in self.picture.units:
            if u.over:
                inside = self.scale.solids[max(0, u.first - 1):u.last + 1]
                begins, ends = (self.levels[self.where[id(b)]] for b in (inside[0], inside[-1]))
                loop = u.times > 1 or not u.first or begins != ends
                levels = round_parts(s, self.scale.solids, self.picture.inside(u))
                round_block(s, inside[1:] if loop and u.first else inside, u.over, u.shortcut, loop, levels)
        for k, heads in self.heads.items():
            self.head(s, k, heads)
        return s

    def head(self, s: Canvas, k: int, heads: list[Head]) -> None:
        """What leaves beside the main way: to the right, or upwards from the uppermost level."""
        b, lines = self.scale.solids[heads[0].source], head_lines(heads)
        if self.is_last(k):
            x = b.end + b.wide * KX / 2
            y = b.y + (b.high / 4 if k < len(self.clusters) - 1 else 0)
            s.line([(b.end + 1, y), (x + LEAVES - 4, y)], "arc", 0.8, arrow=True)
            for j, line in enumerate(lines):
                s.text(x + LEAVES, y + 2.5 + 9 * j, line, anchor="start", fill="quiet" if j else "text")
            return
        x, wide = b.x + b.depth / 2 + b.wide * KX / 4, max(width(line, FONT) for line in lines)
        low = s.free(Text(x, min(c.top for c in self.clusters[k].solids) - 14, lines[-1]), pad=wide / 2)
        for j, line in enumerate(reversed(lines)):
            s.text(x, low.y - 9 * j, line, fill="quiet" if j < len(lines) - 1 else "text")
        s.line([(x, b.top + b.wide * KY * 0.3), (x, low.y + 3)], "arc", 0.8, arrow=True)

    def across(self, s: Canvas) -> None:
        solids = self.scale.solids
        for a in self.picture.far:
            start, end = solids[a.source], solids[a.target]
            after = solids[a.source + 1]
            if after.volume.kind == "pool" and after.y == start.y:
                start = after
            y = start.y - 2 - (start.high * 0.3 if a.target <= a.source + 2 else 0)
            y = min(y, end.y + end.high / 2 - 4)
            first = self.clusters[self.where[id(end)]].solids[0]
            left, right = start.end + start.wide * KX / 2, first.x - first.wide / 2 * KX - 1
            way = [(left, y), (right, y)]
            if end is not first:  # over what stands before it, and down on the slice that was carried over
                top, x = min(b.top for b in self.clusters[self.where[id(end)]].solids) - OVER, end.x + end.parts[0] / 2
                x += end.wide * KX / 4
                way = [(left, y), (right - OVER, y), (right - OVER, top), (x, top), (x, end.top + end.wide * KY / 4)]
            s.line(way, *ACROSS, DASHES[a.kind], arrow=True)
            if a.label:
                s.text((left + right) / 2, y - 3, a.label, fill="quiet")

    def caption(self, s: Canvas, k: int) -> None:
        c, anchor = self.clusters[k], self.anchor(k)
        ends = [b for b in self.scale.solids[self.end:] if c.first >= self.end]  # what follows the U has its words on one line
        foot = max(b.foot for b in ends or c.solids) + FONT + 1
        first, last = c.solids[0], c.solids[-1]
        x = {"end": last.x + last.depth / 2 - 3, "start": first.x + _enters(first) - first.wide / 2 * KX + 4,
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
            start, x = last.x + last.depth / 2 + self.beside(k - 1), first.x + _enters(first) - first.wide / 2 * KX
            bend = [(start, foot + 13), (x, foot + 13)] if abs(x - start) > 1 else []
            back = min(self.beside(k - 1) / KX, last.wide / 2) * KY
            s.line([(start, last.top + last.wide * KY / 2 - back), *bend, (x, foot + 1)], "#b07a17", 1.4, arrow=True)


def _enters(b: Solid) -> float:
    """How far along a solid an arrow from below comes in: in the middle of the slice that is made larger."""
    before = 0.0
    for part, (_, look) in zip(b.parts, b.volume.looks):
        if look == "up":
            return before + part / 2
        before += part
    return b.depth / 2
