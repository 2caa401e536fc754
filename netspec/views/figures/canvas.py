"""A drawing before it is SVG or TikZ: paths, dots and texts, in points, y down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import atan2, cos, sin
from typing import Literal

from ..drawing.lettering import width

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom
Anchor = Literal["start", "middle", "end"]
FONT = 7.0  # of all texts, in points


@dataclass(frozen=True)
class Path:
    """A line, a polygon, or a Bezier curve of four points."""

    points: tuple[Point, ...]
    fill: str | None = None
    stroke: str | None = "line"
    width: float = 0.45
    dash: tuple[float, ...] = ()
    closed: bool = True
    opacity: float = 1.0
    pattern: str = ""
    curve: bool = False


@dataclass(frozen=True)
class Dot:
    at: Point
    radius: float
    fill: str


@dataclass(frozen=True)
class Text:
    x: float
    y: float  # of the base line
    text: str
    size: float = FONT
    anchor: Anchor = "middle"
    fill: str = "text"
    italic: bool = False
    bold: bool = False
    upright: bool = True  # else it reads upwards

    @property
    def box(self) -> Box:
        w = width(self.text, self.size, self.bold)
        before = {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * w
        if self.upright:
            return self.x - before, self.y - 0.74 * self.size, self.x - before + w, self.y + 0.22 * self.size
        return self.x - 0.74 * self.size, self.y - (w - before), self.x + 0.22 * self.size, self.y + before


@dataclass(frozen=True)
class Group:
    """What is drawn of one volume: begins with a title, ends with none."""

    title: str | None
    kind: str = ""


Item = Path | Dot | Text | Group


@dataclass
class Canvas:
    """Colours are #rrggbb, or names of what the theme says: `text`, `quiet`, `line`, `page`."""

    items: list[Item] = field(default_factory=list)
    left: float = 1e9
    top: float = 1e9
    right: float = -1e9
    bottom: float = -1e9
    page: tuple[float, float] | None = None  # width and height of a page that it stands in the middle of

    @property
    def size(self) -> tuple[float, float]:
        """The width and height of what is drawn."""
        return self.right - self.left, self.bottom - self.top

    def sheet(self, pad: float) -> Box:
        """What a file shows: the page, or what is drawn with a margin."""
        if self.page is None:
            return self.left - pad, self.top - pad, self.right + pad, self.bottom + pad
        (wide, high), (x, y) = self.page, ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
        return x - wide / 2, y - high / 2, x + wide / 2, y + high / 2

    def scaled(self, by: float) -> Canvas:
        """All of it, so many times as large."""
        other = Canvas(page=self.page)
        for item in self.items:
            other.add(_scaled(item, by))
        return other

    def see(self, points: Iterable[Point]) -> None:
        for x, y in points:
            self.left, self.top = min(self.left, x), min(self.top, y)
            self.right, self.bottom = max(self.right, x), max(self.bottom, y)

    def add(self, item: Item) -> None:
        self.items.append(item)
        if isinstance(item, Path):
            self.see(item.points)
        elif isinstance(item, Dot):
            (x, y), r = item.at, item.radius
            self.see([(x - r, y - r), (x + r, y + r)])
        elif isinstance(item, Text):
            x0, y0, x1, y1 = item.box
            self.see([(x0, y0), (x1, y1)])

    def polygon(self, points: Sequence[Point], fill: str | None, stroke: str | None = "line", width: float = 0.45,
                opacity: float = 1.0, pattern: str = "") -> None:
        self.add(Path(tuple(points), fill, stroke, width, opacity=opacity, pattern=pattern))

    def line(self, points: Sequence[Point], stroke: str = "line", width: float = 0.6, dash: tuple[float, ...] = (),
             arrow: bool = False, curve: bool = False) -> None:
        self.add(Path(tuple(points), None, stroke, width, dash, closed=False, curve=curve))
        if arrow:
            (x0, y0), (x1, y1) = points[-2], points[-1]
            a = atan2(y1 - y0, x1 - x0)
            barbs = [(x1 - 4.2 * cos(a + t), y1 - 4.2 * sin(a + t)) for t in (0.38, -0.38)]
            self.polygon([(x1, y1), *barbs], stroke, stroke, 0.2)

    def text(self, x: float, y: float, text: str, anchor: Anchor = "middle", fill: str = "text", italic: bool = False,
             size: float = FONT, upright: bool = True, bold: bool = False) -> None:
        self.add(Text(x, y, text, size, anchor, fill, italic, bold, upright))

    @property
    def texts(self) -> list[Text]:
        return [i for i in self.items if isinstance(i, Text)]

    def free(self, t: Text, step: float = -8.0, pad: float = 1.0) -> Text:
        """The text moved up, step by step, until it stands on no other."""
        boxes = [o.box for o in self.texts]
        while any(_meet(t.box, b, pad) for b in boxes):
            t = replace(t, y=t.y + step)
        return t

    def paste(self, other: Canvas, dx: float, dy: float) -> None:
        """All of another canvas, moved."""
        for item in other.items:
            self.add(_moved(item, dx, dy))


def _meet(a: Box, b: Box, pad: float) -> bool:
    return a[0] < b[2] + pad and b[0] < a[2] + pad and a[1] < b[3] and b[1] < a[3]


def _scaled(item: Item, by: float) -> Item:
    if isinstance(item, Path):
        return replace(item, points=tuple((x * by, y * by) for x, y in item.points), width=item.width * by,
                       dash=tuple(d * by for d in item.dash))
    if isinstance(item, Dot):
        return replace(item, at=(item.at[0] * by, item.at[1] * by), radius=item.radius * by)
    if isinstance(item, Text):
        return replace(item, x=item.x * by, y=item.y * by, size=item.size * by)
    return item


def _moved(item: Item, dx: float, dy: float) -> Item:
    if isinstance(item, Path):
        return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
    if isinstance(item, Dot):
        return replace(item, at=(item.at[0] + dx, item.at[1] + dy))
    if isinstance(item, Text):
        return replace(item, x=item.x + dx, y=item.y + dy)
    return item
