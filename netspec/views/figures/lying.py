"""Nets of sequences: each value a bar as long as the sequence and as thick as its channels are many, one below the other."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

from ..drawing.lettering import width
from ..drawing.looks import mixed
from .canvas import FONT, Canvas, Dot, Group
from .captions import caption, described
from .lanes import LETTER, Lanes, lines
from .paint import FILL, PATTERN
from .rows import DASHES, head_lines
from .sizes import SCALES, Scale, extents
from .solids import BAND, edge
from .volumes import Picture, Unit, Volume

KX, KY = 5.0, 4.0  # how far the top of a bar goes back
GAP = 15.0


def lies(picture: Picture) -> bool:
    """Whether the values of a net are sequences."""
    ranks = {len(v.spatial) for v in picture.volumes}
    return 1 in ranks and ranks <= {0, 1} and not picture.inflows


def draw_lying(picture: Picture, scale: Scale, page: float) -> Canvas:
    return _Lying(picture, scale, page).draw()


def _steps(low: float, high: float) -> list[float]:
    """Places between two, from the middle outwards."""
    return [(low + high) / 2 + share * (high - low) / 2 for share in (0, 0.3, -0.3, 0.6, -0.6, 0.9, -0.9)]


class _Lying:
    def __init__(self, picture: Picture, scale: Scale, page: float):
        self.picture, self.scale = picture, scale
        self.unit: dict[int, Unit] = {k: u for u in picture.units for k in range(u.first, u.last + 1)}
        self.words = [self.caption(k, v) for k, v in enumerate(picture.volumes)]
        room = max(width("   ".join(w), FONT) for w in self.words)
        sides = max((width(line, FONT) for h in picture.heads for line in head_lines([h])), default=0.0)
        self.lanes = Lanes(lines(picture))
        self.longest = max(120.0, page - room - 20 + self.lanes.left - sides)
        self.spatial = extents(picture.volumes)

    def caption(self, k: int, v: Volume) -> list[str]:
        return caption([v], Unit(k, k))

    def length(self, size: float) -> float:
        scale = SCALES[self.scale.how]
        return max(4.0, self.longest * scale(size) / scale(self.scale.largest))

    def bar(self, k: int, v: Volume) -> tuple[float, float, bool]:
        """Length and thickness, and whether it is cut short."""
        if self.spatial[k]:
            return self.length(self.spatial[k][0]), min(24.0, max(3.0, 1.15 * sqrt(v.channels))), False
        whole = 4 * sqrt(v.channels)
        return max(5.0, min(whole, 0.5 * self.longest)), 5.0, whole > 0.5 * self.longest

    def draw(self) -> Canvas:
        s, y = Canvas(), 0.0
        bars = [self.bar(k, v) for k, v in enumerate(self.picture.volumes)]
        middle = self.longest / 2
        places: list[tuple[float, float, float, float]] = []
        for k, (long, thick, _) in enumerate(bars):
            inside = k and self.unit[k] is self.unit[k - 1]
            y += 0 if not k else GAP * (0.7 if inside else 1)
            places.append((middle - long / 2, y, middle + long / 2, y + thick))
            y += thick
        for k, (a, b) in enumerate(pairwise(places), 1):
            self.joint(s, a, b, self.picture.volumes[k])
        for k in range(len(places)):
            self.draw_bar(s, places[k], k, bars[k][2])
            x = self.longest + KX + 10
            base = (places[k][1] + places[k][3]) / 2 + 2.5
            size, *more = self.words[k]
            s.text(x, base, size, anchor="start")
            if more:
                s.text(x + width(size, FONT) + 6, base, "   ".join(more), anchor="start", fill="quiet")
        self.over(s, places)
        return s

    def draw_bar(self, s: Canvas, place: tuple[float, float, float, float], k: int, cut: bool) -> None:
        v = self.picture.volumes[k]
        x0, y0, x1, y1 = place
        s.add(Group(described(v, self.picture.beside(k)), v.kind))
        part = v.looks[-1][1]
        fill, pattern = FILL[part], PATTERN.get(part, "")
        top, side = mixed(fill, "#ffffff", 0.4), mixed(fill, "#000000", 0.13)
        s.polygon([(x0, y0), (x1, y0), (x1 + KX, y0 - KY), (x0 + KX, y0 - KY)], top, edge(part), pattern=pattern)
        s.polygon([(x1, y0), (x1 + KX, y0 - KY), (x1 + KX, y1 - KY), (x1, y1)], side, edge(part), pattern=pattern)
        s.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, edge(part), pattern=pattern)
        if cut:
            m = (x0 + x1) / 2
            band = [(m, y1 + 1), (m + 1.5, y0), (m + 1.5 + KX, y0 - KY - 1)]
            s.polygon([*band, *((x + BAND, y) for x, y in reversed(band))], "page", None)
            for d in (0, BAND):
                s.line([(x + d, y) for x, y in band], width=0.45)
        s.add(Group(None))

    def joint(self, s: Canvas, a: tuple[float, float, float, float], b: tuple[float, float, float, float], v: Volume) -> None:
        """The window of a layer on what it reads; lines to all of a fully connected one."""
        top = b[1] - KY
        if not v.spatial:
            for x, to in ((a[0], b[0] + KX), (a[2], b[2] + KX)):
                s.line([(x, a[3]), (to, top)], "arc", 0.45, (1.6, 1.4))
        elif v.window and len(v.window) == 1 and v.kind != "closed":
            looked = self.length(v.window[0]) if self.scale.how == "linear" else 2.5 * v.window[0]
            wide = min(max(3.0, looked), (a[2] - a[0]) * 0.98)
            m = a[0] + 0.3 * (a[2] - a[0])
            m = max(m, a[0] + wide / 2)
            place = (b[0] + (m - a[0]) / max(a[2] - a[0], 1) * (b[2] - b[0]), top + KY / 2)
            s.polygon([(m - wide / 2, a[3]), (m + wide / 2, a[3]), place], "#444444", None, 0, opacity=0.08)
            for x in (m - wide / 2, m + wide / 2):
                s.line([(x, a[3]), place], width=0.4)
            s.line([(m - wide / 2, a[3]), (m + wide / 2, a[3])], width=1.1)
            s.add(Dot(place, 1.1, "line"))
        else:
            x = (a[0] + a[2]) / 2
            s.line([(x, a[3]), (x, top + KY / 2)], "line", 0.8, arrow=True)

    def over(self, s: Canvas, places: list[tuple[float, float, float, float]]) -> None:
        """Left of the bars: what goes round units, how often they are, and what goes round more."""
        meets = {(k, *end): places[k][1] + share * (places[k][3] - places[k][1])
                 for k in range(len(places)) for end, share in self.lanes.ports(k).items()}
        ways = []
        for line in self.lanes.lines:
            p, q, x = places[line.source], places[line.target], self.lanes.at[line]
            if line.kind is None:
                y0, y1 = p[1] - 2, q[3] + 2
                s.line([(x + 3, y0), (x, y0), (x, y1), (x + 3, y1)], "arc", 0.6)
            else:
                y1 = meets[line.target, line, True]
                x0, y0 = (p[0] + 8, p[1] - 6) if line.loops else (p[0], meets[line.source, line, False])
                s.line([(x0, y0), (x, y0), (x, y1), (q[0], y1)], "arc" if line.far else "line", 0.7 if line.far else 0.8,
                       DASHES[line.kind], arrow=True)
            ways.append((x, y0, y1))
        for line, (x, y0, y1) in zip(self.lanes.lines, ways):
            half = width(line.label, FONT) / 2 if line.far else FONT / 2
            outer = [y for other, *ends in ways if other < x for y in ends]  # lines that come in from further left
            middle = min(_steps(y0 + half, y1 - half), key=lambda y: sum(abs(y - o) < half + 2 for o in outer))
            if line.label:
                s.text(x - LETTER, middle + (0 if line.far else 2.5), line.label, fill="quiet" if line.far else "text",
                       anchor="middle" if line.far else "end", upright=not line.far)
        lane = self.lanes.left
        for h in self.picture.heads:
            p = places[h.source]
            y = (p[1] + p[3]) / 2
            s.line([(p[0], y), (lane, y)], "arc", 0.8, arrow=True)
            for k, said in enumerate(head_lines([h])):
                s.text(lane - 3, y + 2.5 + 9 * k, said, anchor="end")
