"""Volumes from left to right, in as many rows as the page needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..drawing.lettering import width
from .canvas import FONT, Canvas, Text
from .clusters import Cluster, clusters
from .sizes import KX, KY, Scale, Solid
from .solids import numbers, solid, window
from .volumes import Arc, Head, Picture

WINDOWS = 13  # a picture of so many volumes shows the windows between them
GAP, EDGE = 9.0, 8.0
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DASHES: dict[str, tuple[float, ...]] = {"add": (), "shortcut": (2, 1.5), "copy": (), "places": (2.5, 1.5)}


def draw_rows(picture: Picture, scale: Scale, page: float) -> Canvas:
    """Inflows first, each a row of its own, then the main way."""
    canvas, letters = Canvas(), iter(LETTERS)
    joints: list[tuple[str, int]] = []
    for flow in picture.inflows:
        inner = _Rows(flow.picture, Scale(flow.picture, scale.how), page, scale, letters)
        name = flow.name or next(letters, "*")
        inner.leaves.append((len(flow.picture.volumes) - 1, name))
        joints.append((f"{name}: {flow.join}", flow.target))
        part = inner.draw()
        canvas.paste(part, -part.left, (canvas.bottom + 12 if canvas.items else 0) - part.top)
    main = _Rows(picture, scale, page, scale, letters)
    main.leaves += [(target, name) for name, target in dict.fromkeys(joints)]
    part = main.draw()
    canvas.paste(part, -part.left, (canvas.bottom + 12 if canvas.items else 0) - part.top)
    return canvas


class _Rows:
    def __init__(self, picture: Picture, scale: Scale, page: float, outer: Scale, letters: Iterator[str]):
        self.picture, self.scale, self.page, self.letters = picture, scale, page, letters
        if outer is not scale:
            scale.largest, scale.bars, scale.bars_how = max(scale.largest, outer.largest), outer.bars, outer.bars_how
        self.clusters = clusters(scale)
        for c in self.clusters:
            counted = [b for b in c.solids if b.volume.kind in ("conv", "up", "concat") and b.volume.spatial and b.towers == 1]
            for b in counted if len({b.volume.channels for b in counted}) > 1 else ():  # the caption says those of the last
                b.numbered = True
        self.extra = 0.0
        self.leaves: list[tuple[int, str]] = []  # volumes that a letter joins to another row

    def draw(self) -> Canvas:
        rows = self.rows()
        canvas = Canvas()
        where = {id(s): k for k, row in enumerate(rows) for c in row for s in c.solids}
        at = [where[id(s)] for s in self.scale.solids]
        marks = self.marks(at)
        for k, letter in self.leaves:
            marks.setdefault(k, []).append(letter)
        edge = 0.0
        joints: list[tuple[float, float, float]] = []
        for row in rows:
            part = self.row(row, marks)
            y = (canvas.bottom + 12 if canvas.items else 0.0) - part.top
            canvas.paste(part, 0, y)
            edge = max(edge, part.right)
            first, last = row[0].solids[0], row[-1].solids[-1]
            joints.append((y, last.end + last.wide / 2 * KX + 2, first.x - first.wide / 2 * KX))
        for (y, right, _), (below, _, left), row in zip(joints, joints[1:], rows[1:]):
            above = self.above.get(row[0].first, [])
            top = below + min([s.top for c in row for s in c.solids] + [t.y - FONT for t in above])
            beside = min([-6.0, *(t.box[0] - 3 for t in above)])
            middle = top - 5
            way = [(right, y), (edge + 6, y), (edge + 6, middle), (beside, middle), (beside, below), (max(left - 1, 1), below)]
            canvas.line(way, "arc", 0.8, arrow=True)
        return canvas

    def marks(self, at: Sequence[int]) -> dict[int, list[str]]:
        """Letters at both ends of what leads from one row to another: one for all that leads from one volume, or to one."""
        far = {(a.source, a.target): a.label for a in self.picture.arcs if at[a.source] != at[a.target]}
        far |= {(u.first - 1, u.last): u.shortcut for u in self.picture.units
                if u.over and u.first and at[u.first if u.times > 1 else u.first - 1] != at[u.last]}
        found: dict[int, list[str]] = {}
        given: dict[tuple[str, int], str] = {}
        for s, t in sorted(far):
            alone = sum(target == t for _, target in far) == 1
            key = ("from", s) if alone else ("to", t)
            if key not in given:
                given[key] = next(self.letters, "*")
                found.setdefault(key[1], []).append(given[key])
            label = far[s, t]
            found.setdefault(t if alone else s, []).append(f"{given[key]}: {label}" if label else given[key])
        return found

    def rows(self) -> list[list[Cluster]]:
        """As few rows as let the volumes be readable, and as large as fits in them."""
        for n in range(1, 14):
            low, high, best = 0.5, self.most(n), None
            for _ in range(14):
                factor = (low + high) / 2
                self.scale.set(factor)
                rows = self.split(n)
                if max(self.place(r) for r in rows) <= self.page - EDGE - 14 * (n > 1):
                    best, low = (factor, rows), factor
                else:
                    high = factor
            if best and best[0] >= 0.62:
                break
        factor, rows = best or (0.5, rows)
        self.scale.set(factor)
        if n == 1 and len(self.clusters) > 1:
            self.extra = max(0.0, min(14.0, (self.page - EDGE - self.place(self.clusters)) / (len(self.clusters) - 1)))
        return rows

    def most(self, n: int) -> float:
        return (1.1 if any(len(s.volume.spatial) == 3 for s in self.scale.solids) else 1.45) if n == 1 else 1.2

    def split(self, n: int) -> list[list[Cluster]]:
        total = self.place(self.clusters)
        rows: list[list[Cluster]] = []
        row: list[Cluster] = []
        for c in self.clusters:
            if row and len(rows) < n - 1 and (self.place([*row, c]) > self.page - 24 or self.place(row) > total / n):
                rows.append(row)
                row = []
            row.append(c)
        return [*rows, row]

    def place(self, row: Sequence[Cluster]) -> float:
        """Left to right on the axis y = 0; returns the right end."""
        x, right, end = 0.0, -1e9, -1e9
        for k, c in enumerate(row):
            words, lead = c.room + 5, 0.5 * c.wide * KX
            low = max(lead, words / 2 - c.depth / 2)
            x = max(x, right + GAP + self.extra + lead, end + words / 2 - c.depth / 2) if k else low
            for s in c.solids:
                s.x, s.y = x, 0.0
                x += s.depth
            behind = 8 if len(c.solids[-1].volume.spatial) == 3 or c.solids[-1].volume.images > 1 else 0
            right = x + max(0.5 * c.solids[-1].wide, 0.25 * c.wide) * KX + behind
            end = x - c.depth / 2 + words / 2
        return max(right, end)

    above: dict[int, list[Text]]

    def row(self, row: Sequence[Cluster], marks: dict[int, list[str]]) -> Canvas:
        s = Canvas()
        self.place(row)
        first, last = row[0].first, row[-1].first + len(row[-1].solids) - 1
        solids = [b for c in row for b in c.solids]
        tower = max((b.high + b.wide * KY for b in solids if b.towers == 2), default=0.0) / 2 + 5
        before: Solid | None = None
        for c in row:
            for b in c.solids:
                for dy in (-tower, tower) if b.towers == 2 else (0.0,):
                    solid(s, b, dy, dy > 0)
                if b.numbered:
                    numbers(s, b)
            if before is not None:
                self.joint(s, before, c.solids[0], tower)
            before = c.solids[-1]
        foot = max(b.foot + (tower if b.towers == 2 else 0) for b in solids) + 6
        for c in row:
            x = (c.solids[0].x + c.solids[-1].end) / 2
            for k, line in enumerate(c.lines):
                s.text(x, foot + (k + 1) * FONT + 2 * k, line, fill="text" if k == 0 else "quiet")
        mark = len(s.items)
        self.legs: list[float] = []  # where bridges go up and come down
        self.rounds: list[tuple[float, float, float]] = []  # from where to where arcs over blocks lead, and how high
        self.over(s, first, last, marks)
        heads = list(self.heads(first, last))
        after = [*(_upwards(self.scale.solids[k]) for k, _ in heads[1:]), 1e9]
        for (k, group), x in zip(heads, after):
            self.head(s, self.scale.solids[k], group, solids, x)
        for k in range(first, last + 1):
            if k in marks:
                self.letter(s, self.scale.solids[k], ", ".join(marks[k]), solids, tower)
        self.above = {**getattr(self, "above", {}), first: [t for t in s.items[mark:] if isinstance(t, Text)]}
        return s

    def joint(self, s: Canvas, a: Solid, b: Solid, tower: float) -> None:
        """What leads from one volume to the next."""
        starts, ends = (-tower, tower) if a.towers == 2 else (0.0,), (-tower, tower) if b.towers == 2 else (0.0,)
        flat = not b.volume.spatial
        if flat and b.volume.kind != "input":
            for ya in starts:
                for up in (1, -1):
                    s.line([(a.end + a.wide / 2 * KX * up, ya - up * (a.high / 2 + a.wide / 2 * KY)),
                            (b.x - b.wide / 2 * KX * (up < 0), -up * b.high / 2)], "arc", 0.45, (1.6, 1.4))
        elif len(self.picture.volumes) <= WINDOWS and b.volume.window and a.volume.spatial:
            for k, ya in enumerate(starts):
                for j, yb in enumerate(ends):
                    crossed = len(starts) == len(ends) == 2 and k != j
                    if not (crossed and b.volume.groups == 2):
                        window(s, self.scale, a, b, ya, yb, (1.5, 1.2) if crossed else ())
        else:
            left = b.x - b.wide / 2 * KX - 1
            s.line([(a.end + 1, 0), (left, 0)], "line", 0.8, arrow=True)

    def over(self, s: Canvas, first: int, last: int, marks: Mapping[int, list[str]]) -> None:
        """Arcs over units, and higher up those over more."""
        solids = self.scale.solids
        for u in self.picture.units:
            loop = u.times > 1 or not u.first
            if u.over and first <= u.first - (not loop) and u.last <= last:  # of one that begins in another row letters say it
                levels = round_parts(s, solids, self.picture.inside(u))
                over = solids[u.first - (not loop):u.last + 1]
                self.rounds.append(round_block(s, over, u.over, u.shortcut, loop, levels))
        arcs = [a for a in self.picture.far if first <= a.source and a.target <= last and a.source < a.target]
        high = s.top - (10 if any(a.target in marks for a in arcs) else 0)  # a letter stands where they come down
        for lane, a in enumerate(sorted(arcs, key=lambda a: (a.target - a.source, a.source))):
            self.bridge(s, solids[a.source], solids[a.target], a, high - 8 - 10 * lane)

    def bridge(self, s: Canvas, a: Solid, b: Solid, arc: Arc, level: float) -> None:
        """Up, along, and down again."""
        x0, x1 = a.x + a.depth * 0.7, _lands(b)
        self.legs += [x0, x1]
        way = [(x0, a.top + a.wide * KY / 2), (x0, level), (x1, level), (x1, b.top + b.wide * KY / 2)]
        s.line(way, "arc", 0.7, DASHES[arc.kind], arrow=True)
        label = arc.label or ("pooling indices" if arc.kind == "places" else "")
        if label:
            s.add(s.free(Text((x0 + x1) / 2, level - 2, label, fill="quiet")))

    def heads(self, first: int, last: int) -> Iterator[tuple[int, list[Head]]]:
        for k in range(first, last + 1):
            group = [h for h in self.picture.heads if h.source == k]
            if group:
                yield k, group

    def head(self, s: Canvas, b: Solid, heads: Sequence[Head], solids: Sequence[Solid], after: float) -> None:
        """What leaves upwards; its words stand left of the arrow of the next, at `after`."""
        x = _upwards(b)
        lines = head_lines(heads)
        wide = max(width(line, FONT) for line in lines)
        start = min(max(x, wide / 2), max(self.page - EDGE - wide / 2, x), after - 3 - wide / 2)
        for leg in sorted(self.legs, key=lambda leg: abs(leg - x)):  # what goes up there strikes no word
            if abs(leg - start) < wide / 2 + 3:
                start = leg + (1 if x >= leg else -1) * (3 + wide / 2)
        low = Text(start, min(b.top - 12, _ridge(solids, start, wide) - 4), lines[-1])
        boxes = [q for q in (t.box for t in s.texts) if start - wide / 2 < q[2] + 2 and q[0] - 2 < start + wide / 2]
        high = (len(lines) - 1) * 9.0
        while any(low.y - high - FONT < q[3] and q[1] < low.y + 3 for q in boxes):
            low = Text(start, low.y - 9, lines[-1])
        for k, line in enumerate(reversed(lines)):
            s.text(start, low.y - 9 * k, line, fill="text" if k == len(lines) - 1 else "quiet")
        s.line([(x, b.top + b.wide * KY * 0.3), (x, low.y + 3)], "arc", 0.8, arrow=True)

    def letter(self, s: Canvas, b: Solid, text: str, solids: Sequence[Solid], tower: float) -> None:
        every, units, half = self.scale.solids, self.picture.units, width(text, FONT) / 2
        bridged = [a for a in self.picture.arcs if every[a.target] is b and a.source < a.target]
        x = min(_upwards(b), _lands(b) - 4 - half) if bridged else _upwards(b)  # left of what comes down there
        if not bridged and any(u.over and u.times == 1 and every[u.last] is b and ":" not in text for u in units):
            x = _lands(b) + b.wide * KX * 0.25 + 5 + half  # right of the arc over a block
        elif any(u.over and u.times == 1 and u.first and every[u.first - 1] is b for u in units):
            before = b.x + b.depth * 0.7 + b.wide * KX * 0.25 - 3 - half  # left of where one begins
            x = min(x, before) if before >= b.x else x
        y = min(b.top - 6, _ridge(solids, x, 2 * half) - 4) - (tower if b.towers == 2 else 0)
        y = min([y, *(high - 3 for left, right, high in self.rounds if left - half < x < right + half)])
        t = s.free(Text(x, y, text, italic=True))
        s.line([(x, b.top + b.wide * KY * 0.3), (x, t.y + 2)], "arc", 0.6)
        s.add(t)


def round_parts(s: Canvas, solids: Sequence[Solid], arcs: Sequence[Arc]) -> int:
    """Arcs within a block, and how many levels of them there are."""
    levels = [sum(a.source <= b.source and b.target <= a.target for b in arcs) for a in arcs]
    for level, a in zip(levels, arcs):
        round_block(s, solids[a.source:a.target + 1], a.kind, a.label, False, level - 1)
    return max(levels, default=0)


def round_block(s: Canvas, solids: Sequence[Solid], kind: str, label: str, loop: bool,
                level: int = 0) -> tuple[float, float, float]:
    """From the solid before a block to its end, or from its own first one where it is a loop; over arcs of so many levels.
    Returns where the arc begins and ends, and how high it comes."""
    a, b = solids[0], solids[-1]
    x0 = a.x + (a.wide / 4 * KX if loop else a.depth * 0.7 + a.wide * KX * 0.25)
    x1 = b.x + b.depth * 0.6 + b.wide * KX * 0.25
    y0, y1 = (d.y - d.high / 2 - d.wide * KY * 0.25 for d in (a, b))
    top = min(d.top for d in solids[0 if loop else 1:]) - 9 - 12 * level
    s.see([(x0, top + 1)])
    s.line([(x0, y0), (x0 + 1, top), (x1 - 1, top), (x1, y1)], "line", 0.8, DASHES[kind], curve=True)
    s.polygon([(x1, y1), (x1 - 1.6, y1 - 4), (x1 + 1.4, y1 - 4)], "line", "line", 0.2)
    if label:
        steep = abs(y1 - y0) / (2 * (x1 - x0)) * width(label, FONT) / 2  # how much higher the line is at one end of the label
        s.add(s.free(Text((x0 + x1) / 2, (y0 + 6 * top + y1) / 8 - 2.5 - steep, label, fill="quiet")))
    return x0, x1, (min(y0, y1) + 3 * top) / 4


def _upwards(b: Solid) -> float:
    """Where what leaves a solid upwards begins."""
    return b.x + b.depth / 2 + b.wide * KX / 4


def _lands(b: Solid) -> float:
    """Where what goes over others comes down on a solid."""
    return b.x + b.depth * 0.6


def _ridge(solids: Sequence[Solid], x: float, wide: float) -> float:
    """The top of all solids below a text that is so wide."""
    left, right = x - wide / 2, x + wide / 2
    return min((b.top for b in solids if b.x - b.wide / 2 * KX < right and left < b.end + b.wide / 2 * KX), default=0.0)


def head_lines(heads: Sequence[Head]) -> list[str]:
    """`aux1: 1000`, and below it the layers on the way; equal heads together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for h in heads:
        groups.setdefault((h.shape, h.label), []).extend(h.names)
    lines = []
    for (shape, label), names in groups.items():
        named = ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"
        lines.append(f"{named}: {shape}")
        if label:
            lines.append(label)
    return lines
