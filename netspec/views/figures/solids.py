"""Solids in oblique view: boxes, posts, the window on an input, and what joins them."""

from __future__ import annotations

from ..drawing.lettering import width
from ..drawing.looks import mixed
from .canvas import FONT, Canvas, Dot, Group, Point
from .captions import described
from .paint import FILL, PATTERN
from .sizes import BESIDE, KX, KY, Scale, Solid
from .volumes import Part

BAND = 3.2  # the height of the white band across what is cut
LOWEST = 9.0  # a front with a number


def solid(s: Canvas, b: Solid, y: float, again: bool = False) -> None:
    """A volume, with others behind it where there are several images, or channels that are volumes; `again`: the second tower."""
    s.add(Group("the other half" if again else described(b.volume, b.beside), b.volume.kind))
    behind = 2 if (len(b.volume.spatial) == 3 and b.volume.channels > 1) or b.volume.images > 1 else 0
    for k in range(behind, 0, -1):
        box(s, b, b.x + 4 * k, y - 1.4 * k)
    box(s, b, b.x, y)
    s.add(Group(None))
    if b.towers == 2 and b.volume.kind != "pool":
        s.text(b.x + b.depth / 2 - b.wide / 2 * KX, y + b.wide / 2 * KY + b.high / 2 - 2.5, str(b.volume.channels // 2), fill="edge")


def box(s: Canvas, b: Solid, x: float, y: float) -> None:
    high, wide, depth = b.high / 2, b.wide / 2, b.depth

    def at(along: float, up: float, back: float) -> Point:
        return x + along + back * KX, y - up - back * KY

    look: Part = b.volume.looks[-1][1]
    along = 0.0
    for part, (_, look) in zip(b.parts, b.volume.looks):
        end = along + part
        fill, line = FILL[look], 0.45 if end - along > 1.4 else 0.25
        front = [at(along, -high, -wide), at(end, -high, -wide), at(end, high, -wide), at(along, high, -wide)]
        top = [at(along, high, -wide), at(end, high, -wide), at(end, high, wide), at(along, high, wide)]
        s.polygon(front, fill, edge(look), line, pattern=PATTERN.get(look, ""))
        s.polygon(top, mixed(fill, "#ffffff", 0.4), edge(look), line, pattern=PATTERN.get(look, ""))
        along = end
    right = [at(depth, -high, -wide), at(depth, -high, wide), at(depth, high, wide), at(depth, high, -wide)]
    s.polygon(right, mixed(FILL[look], "#000000", 0.13), edge(look), pattern=PATTERN.get(look, ""))
    for k in range(1, b.units):
        up = -high + 2 * high * k / b.units
        around = [at(0, up, -wide), at(depth, up, -wide), at(depth, up, wide)]
        s.line(around, "#ffffff" if look == "fc" else "#111111", 0.6)
    if b.cut:
        band = [at(-0.7, -2, -wide), at(depth, 0, -wide), at(depth + 0.4, 1.2, wide + 1)]
        s.polygon([*band, *((px, py - BAND) for px, py in reversed(band))], "page", None)
        for up in (0, BAND):
            s.line([(px, py - up) for px, py in band], width=0.45)


def edge(look: Part) -> str:
    """The colour of edges: dark on light paint whatever the page; what is dark itself has those of the page."""
    return "line" if look == "fc" else "edge"


def numbers(s: Canvas, b: Solid) -> None:
    """The channels of each slice on its front, upright where they are wider than it; none where it is too low."""
    if b.high < LOWEST:
        return
    x = b.x - b.wide / 2 * KX
    for (n, look), part in zip(b.volume.looks, b.parts):
        text, flat = str(n), part >= width(str(n), FONT) + BESIDE
        long = width(text, FONT)
        middle, foot = x + part / 2, b.foot - 3
        if look in PATTERN:
            w, h = (long / 2 + 0.5, 7.0) if flat else (3.2, long + 2)
            behind = [(middle - w, foot + 1), (middle + w, foot + 1), (middle + w, foot + 1 - h), (middle - w, foot + 1 - h)]
            s.polygon(behind, "#ffffff", None, opacity=0.85)
        if flat:
            s.text(middle, foot, text, fill="#111111")
        else:
            s.text(middle + 2.5, foot - 0.5, text, anchor="start", upright=False, fill="#111111")
        x += part


def window(s: Canvas, scale: Scale, a: Solid, b: Solid, ya: float, yb: float, dash: tuple[float, ...] = ()) -> None:
    """The window of `b` on the right face of `a`, and lines from it to one place of `b`."""
    sizes = b.volume.window
    if not sizes or len(a.volume.spatial) != len(sizes) or not a.volume.spatial:
        return
    high = min(scale.side(sizes[-2] if len(sizes) > 1 else sizes[0]), a.high * 0.98)
    wide = min(scale.side(sizes[-1]) if len(sizes) > 1 else a.wide, a.wide * 0.98)
    up = max(min(a.high * 0.175, a.high / 2 - high / 2), 0)

    def at(dy: float, dz: float, along: float = 0.0) -> Point:
        return a.x + a.depth - along + dz * KX, ya - dy - dz * KY

    face = [at(up - high / 2, -wide / 2), at(up - high / 2, wide / 2), at(up + high / 2, wide / 2), at(up + high / 2, -wide / 2)]
    to = (b.x - b.wide / 2 * KX, yb - min(up, b.high * 0.18) + b.wide / 2 * KY)
    for k in range(4):
        s.polygon([face[k], face[(k + 1) % 4], to], "#444444", None, 0, opacity=0.06)
    if len(sizes) == 3:  # the window of a volume is a cube, its front and top seen through the face
        deep = min(scale.side(sizes[0]), a.depth * 0.98)
        front = [at(up + v * high / 2, -wide / 2, along) for v, along in ((-1, 0), (1, 0), (1, deep), (-1, deep))]
        top = [at(up + high / 2, v * wide / 2, along) for v, along in ((-1, 0), (1, 0), (1, deep), (-1, deep))]
        for side in (front, top):
            s.polygon(side, "#ffffff", "edge", 0.5, opacity=0.35)
    s.polygon(face, "#ffffff", "edge", 0.6, opacity=0.35)
    for corner in face:
        s.line([corner, to], width=0.4, dash=dash)
    s.add(Dot(to, 1.1, "line"))
