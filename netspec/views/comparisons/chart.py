"""The chart of what networks cost, after Canziani, Paszke and Culurciello, "An Analysis of Deep Neural Network Models for
Practical Applications", 2016: work to the right, accuracy (or parameters) upwards, and the area of a circle says how large a
network is. The specs that come with netspec stand in grey behind. No label lies on another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, hypot, log10, pi, sin, sqrt

from ..drawing.axis import Axis
from ..drawing.lettering import width
from ..drawing.looks import Theme, mixed
from ..drawing.sheet import Sheet
from .cost import Cost
from .zoo import zoo

WIDE, HIGH = 760.0, 520.0
LEFT, RIGHT, TOP, BOTTOM = 74.0, 24.0, 54.0, 58.0
LARGEST, SMALLEST = 34.0, 3.5  # radius of a circle
TICKS = 10  # at most, on an axis
BOLD, SMALL = 10.5, 8.0  # sizes of labels
TONES = ("#88ccee", "#ddcc77", "#44aa99", "#cc6677", "#aa4499", "#999933", "#117733", "#882255", "#332288")  # Paul Tol, "muted"
UNITS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1))
Rect = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spot:
    """A network on the sheet."""

    cost: Cost
    x: float
    y: float
    r: float
    behind: bool

    @property
    def inside(self) -> bool:
        """Whether the whole circle lies between the axes: not under the key, not over the edge."""
        return LEFT + self.r <= self.x <= WIDE - RIGHT - self.r and TOP + self.r <= self.y <= HIGH - BOTTOM - self.r


def chart(nets: Sequence[Cost], judged: bool, area: str, theme: Theme) -> str:
    """The chart as SVG text."""
    shown = [c for c in nets if not judged or c.accuracy is not None]
    x = _log([max(c.macs, 1) for c in shown], LEFT, WIDE - RIGHT)
    y = _linear([c.accuracy or 0 for c in shown], HIGH - BOTTOM, TOP) if judged else \
        _log([max(c.parameters, 1) for c in shown], HIGH - BOTTOM, TOP)

    def height(c: Cost) -> float:
        return c.accuracy or 0 if judged else max(c.parameters, 1)

    own = {(c.name, c.parameters, c.macs) for c in nets}
    behind = [z for z in zoo() if z.macs and (z.name, z.parameters, z.macs) not in own and (z.accuracy is not None or not judged)
              and x.holds(z.macs) and y.holds(height(z))]
    most = max([1, *(getattr(c, area) for c in (*shown, *behind))])
    spots = [s for c in (*behind, *shown)
             if (s := Spot(c, x.at(max(c.macs, 1)), y.at(height(c)), _radius(getattr(c, area), most), c not in shown)).inside
             or not s.behind]
    sheet = Sheet(WIDE, HIGH, theme, "what networks cost: " + ", ".join(c.name for c in nets))
    _axes(sheet, x, y, judged)
    order = {c.name: k for k, c in enumerate(shown)}
    for s in sorted(spots, key=lambda s: (not s.behind, -s.r)):
        _circle(sheet, s, theme.frame if s.behind else TONES[order[s.cost.name] % len(TONES)])
    _labels(sheet, spots)
    _key(sheet, area, most)
    left_out = [c.name for c in nets if c not in shown]
    if left_out:
        sheet.text(LEFT, HIGH - 8, f"without an accuracy: {', '.join(left_out)}"[:120], 8.5, theme.quiet)
    return sheet.svg


def _radius(value: float, most: float) -> float:
    """The area is in proportion, down to a circle that can be seen."""
    return max(SMALLEST, LARGEST * sqrt(value / most))


def _log(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values, default=1), max(values, default=1)
    wide = max(2.5, (high / low) ** 0.12, (high / low) ** _room(start, end))
    return Axis(low / wide, high * wide, start, end, log=True, most=TICKS)


def _linear(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = min(values, default=0), max(values, default=100)
    room = max(2.5, (high - low) * 0.15, (high - low) * _room(start, end))
    return Axis(floor(low - room), ceil(high + room), start, end, most=TICKS)  # beyond 0 and 100 too, where circles reach


def _room(start: float, end: float) -> float:
    """What an axis needs beyond its first and last value for the largest circle, as a part of what lies between them."""
    part = (LARGEST + 1) / abs(end - start)
    return part / (1 - 2 * part)


def _axes(sheet: Sheet, x: Axis, y: Axis, judged: bool) -> None:
    theme = sheet.theme
    grid = mixed(theme.frame, theme.ground, 0.7)
    for v in x.ticks:
        sheet.line([(x.at(v), TOP), (x.at(v), HIGH - BOTTOM)], grid, 0.7)
        sheet.text(x.at(v), HIGH - BOTTOM + 15, _short(v), 9.5, theme.label, "middle")
    for v in y.ticks:
        if judged and not 0 <= v <= 100:
            continue
        sheet.line([(LEFT, y.at(v)), (WIDE - RIGHT, y.at(v))], grid, 0.7)
        sheet.text(LEFT - 7, y.at(v) + 3.3, f"{v:g}" if judged else _short(v), 9.5, theme.label, "end")
    sheet.line([(LEFT, TOP), (LEFT, HIGH - BOTTOM), (WIDE - RIGHT, HIGH - BOTTOM)], theme.line, 1.2)
    sheet.text((LEFT + WIDE - RIGHT) / 2, HIGH - BOTTOM + 34, "multiply-accumulates a sample", 11, theme.text, "middle", bold=True)
    sheet.text(LEFT - 44, TOP - 14, "top-1 accuracy, %" if judged else "parameters", 11, theme.text, bold=True)


def _circle(sheet: Sheet, s: Spot, tone: str) -> None:
    theme = sheet.theme
    fill = mixed(tone, theme.ground, 0.72 if s.behind else 0.25)
    ink = mixed(tone, theme.ground, 0.35) if s.behind else mixed(tone, "#ffffff" if theme.name == "dark" else "#000000", 0.4)
    sheet.add(f'<circle cx="{s.x:.1f}" cy="{s.y:.1f}" r="{s.r:.1f}" fill="{fill}" fill-opacity="{0.55 if s.behind else 0.8}" '
              f'stroke="{ink}" stroke-width="{0.7 if s.behind else 1.3}"/>')


def _labels(sheet: Sheet, spots: Sequence[Spot]) -> None:
    """Each compared net has its name; those behind have theirs where there is room. No circle and no line goes through one."""
    taken: list[Rect] = []
    found: list[tuple[Spot, Rect]] = []
    for s in sorted(spots, key=lambda s: (s.behind, -s.cost.macs)):
        size = SMALL if s.behind else BOLD
        w, h = width(s.cost.name, size, bold=not s.behind) + 4, size + 2
        place = _place(s, w, h, taken, [o for o in spots if o is not s])
        if place is not None:
            taken.append(place)
            found.append((s, place))
    for s, (left, top, right, foot) in found:
        middle = ((left + right) / 2, (top + foot) / 2)
        if hypot(middle[0] - s.x, middle[1] - s.y) > s.r + (right - left) / 2 + 12:
            sheet.line([(s.x, s.y), middle], sheet.theme.reference, 0.8)
    for s, (left, top, right, foot) in found:
        size, ink = (SMALL, sheet.theme.quiet) if s.behind else (BOLD, sheet.theme.text)
        if not s.behind and hypot((left + right) / 2 - s.x, (top + foot) / 2 - s.y) > s.r:
            sheet.rect(left, top, right - left, foot - top, fill=sheet.theme.ground, opacity=0.85)
        sheet.text(left + 2, top + size, s.cost.name, size, ink, bold=not s.behind)


def _place(s: Spot, w: float, h: float, taken: Sequence[Rect], others: Sequence[Spot]) -> Rect | None:
    """Off all circles; else, for a compared net, off those of the others compared; else wherever no label is."""
    tries: list[tuple[Iterable[Rect], Sequence[Spot]]] = [(_places(s, w, h), others)]
    if not s.behind:
        tries += [(_places(s, w, h), [o for o in others if not o.behind]), (_places(s, w, h), []), (_anywhere(w, h), [])]
    return next((p for places, off in tries for p in places if _free(p, taken, off)), None)


def _places(s: Spot, w: float, h: float) -> Iterator[Rect]:
    """Where a label may stand: in its circle, beside it, and ever further round it."""
    if s.r * 1.8 > w:
        yield s.x - w / 2, s.y - h / 2, s.x + w / 2, s.y + h / 2
    for away in (2, 10) if s.behind else (2, 8, 16, 26, 38, 54, 72, 96):
        for k in range(16):
            turn = 2 * pi * k / 16
            cx, cy = s.x + cos(turn) * (s.r + away + w / 2), s.y - sin(turn) * (s.r + away + h / 2)
            place = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
            if not _meet(s, place):
                yield place


def _anywhere(w: float, h: float) -> Iterator[Rect]:
    for row in range(int((HIGH - TOP - BOTTOM) / (h + 2))):
        for column in range(int((WIDE - LEFT - RIGHT) / (w + 4))):
            x, y = LEFT + 2 + column * (w + 4), TOP + 2 + row * (h + 2)
            yield x, y, x + w, y + h


def _free(p: Rect, taken: Sequence[Rect], others: Sequence[Spot]) -> bool:
    if p[0] < LEFT + 1 or p[2] > WIDE - 2 or p[1] < TOP - 12 or p[3] > HIGH - BOTTOM - 1:
        return False
    if any(p[0] < t[2] and t[0] < p[2] and p[1] < t[3] and t[1] < p[3] for t in taken):
        return False
    return not any(_meet(o, p) for o in others)


def _meet(s: Spot, p: Rect) -> bool:
    return hypot(s.x - min(max(s.x, p[0]), p[2]), s.y - min(max(s.y, p[1]), p[3])) < s.r


def _key(sheet: Sheet, area: str, most: int) -> None:
    """What the area says: a round number, and a tenth of it; and what is grey."""
    theme = sheet.theme
    x = WIDE - RIGHT
    grey = "grey: specs that come with netspec"
    sheet.text(x, TOP - 38, grey, 9, theme.quiet, "end")
    room = most * (13 / LARGEST) ** 2  # what is as large as there is room for here
    large = 10.0 ** floor(log10(room))
    for v in (v for v in (large, large / 10) if 1 <= v <= room):
        text, r = _short(v, "B" if area == "memory" else ""), _radius(v, most)
        x -= width(text, 9) + 4
        sheet.text(x, TOP - 14, text, 9, theme.label)
        x -= 4 + r
        sheet.circle(x, TOP - 17, r, theme.frame)
        x -= r + 10
    sheet.text(x, TOP - 14, f"area: {area}", 9, theme.label, "end")


def _short(v: float, unit: str = "") -> str:
    """`200 M`, `200 MB`."""
    many, size = next(((u, s) for u, s in UNITS if v >= s), ("", 1.0))
    return f"{v / size:g} {many}{unit}".strip()
