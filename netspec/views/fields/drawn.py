"""A sight as a picture: the input with the field of the unit, and the planes of the layers with the window it has in each.

Two axes: the input lies flat on the left, the planes stand in a row on the right. One axis: the layers lie on top of each
other, the input at the bottom. Below stands a table. What of a window is padding lies outside of its plane, and is dashed.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any

from ...diagnostics import UsageError
from ...ir.graph import Graph
from ..drawing.lettering import fitted, fitted_end, width
from ..drawing.looks import THEMES, Theme, mixed
from ..drawing.sheet import Point, Sheet, save
from .sight import Plane, Sight, sight

WIDE, EDGE, LINE = 760.0, 20.0, 16.0  # of the page, of its margin, of a row of the table, in points
SIDE, LEAST = 230.0, 16.0  # of the flat input, and of the smallest plane
LEAN, RISE = 0.42, 0.24  # how far a plane's columns lean to the right and upwards
CELLS = 16  # places whose grid is drawn
Stand = tuple[float, float, float, float]  # of a plane in a row: left, top, height, width
PICTURE = 448  # pixels of the longer side of a photograph that is kept in the drawing


@dataclass(frozen=True)
class FieldPicture:
    """The drawing; `sight` holds its numbers, `save` writes it, and a notebook shows it by itself."""

    sight: Sight
    picture: Any = None  # a path, a PIL image, or an array
    theme: Theme = THEMES["light"]

    @cached_property
    def svg(self) -> str:
        return _Drawing(self.sight, _photo(self.sight, self.picture), self.theme).drawn().svg

    def save(self, path: str | PathLike[str]) -> None:
        """Into a file; its ending says how: .svg, .png or .pdf."""
        save(self.svg, path, self.theme.page)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        s = self.sight
        return f"FieldPicture of {s.unit} at {s.at}: {said(s.planes[0])} of {s.input}"


def field(graph: Graph, unit: str | None = None, at: Sequence[int] | None = None, picture: Any = None,
          theme: Theme = THEMES["light"], source: str | None = None) -> FieldPicture:
    """What a unit sees, as a picture. Arguments and errors as `sight` has them; `picture` is a photograph for the input to hold:
    a path, a PIL image, or an array.

    Errors: a photograph that is none, or that the input of the network cannot hold.
    """
    drawn = FieldPicture(sight(graph, unit, at, source), picture, theme)
    _ = drawn.svg  # what is wrong with the photograph is said now
    return drawn


def said(plane: Plane, what: str = "") -> str:
    """`44×44 of 224×224`, and `what` these are; of a window that reaches beyond them `32×32 of 32×32, 46×46 with padding`."""
    text = f"{_by(plane.there)} of {_by(plane.sizes)}{what}"
    return f"{text}, {_by(plane.seen)} with padding" if plane.there != plane.seen else text


def _by(sizes: Iterable[int]) -> str:
    return "×".join(map(str, sizes))


def beside(s: Sight) -> str:
    """`the unit is made from b, c as well`; empty of a unit that is made from one input."""
    return f"the unit is made from {', '.join(s.others)} as well" if s.others else ""


def _photo(s: Sight, picture: Any) -> str:
    """A photograph as the input holds it, as the address of an image in a page; empty where there is none."""
    if picture is None:
        return ""
    from PIL import Image

    from ...datasets.parts.pictures import read
    from .photograph import file_of

    first = s.planes[0]
    if len(first.sizes) != 2 or first.channels not in (1, 3):
        raise UsageError(f"no photograph goes into the input {s.input}, which has {first.channels} channels of "
                         f"{'x'.join(map(str, first.sizes))}", hint="leave the picture out")
    a = read(file_of(picture), first.channels, (first.sizes[0], first.sizes[1]))
    a = a if a.dtype.kind == "u" else (a * 255).astype("uint8")
    image = Image.fromarray(a[0] if len(a) == 1 else a.transpose(1, 2, 0))
    small = min(1.0, PICTURE / max(image.size))
    out = io.BytesIO()
    image = image.resize((max(1, round(image.width * small)), max(1, round(image.height * small)))).convert("RGB")
    image.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


class _Drawing:
    """A sheet under way."""

    def __init__(self, s: Sight, photo: str, theme: Theme):
        where = f" at {', '.join(map(str, s.at))}" if s.at else ""
        self.title = f"{s.graph.name}: what {s.unit}{where} sees"
        self.s, self.photo, self.theme = s, photo, theme
        self.seen, self.ground = theme.skip, mixed(theme.ground, theme.line, 0.06)
        self.sheet = Sheet(WIDE, 0, theme, f"{self.title}: {said(s.planes[0], ' of the input')}")

    def drawn(self) -> Sheet:
        if self.photo:
            self.name = f"photo-{zlib.crc32(self.photo.encode()):08x}"  # several drawings may stand on one page
            self.sheet.add(f'<defs><image id="{self.name}" width="1" height="1" preserveAspectRatio="none" '
                           f'href="{self.photo}"/></defs>')
        self.sheet.text(EDGE, EDGE + 12, self.title, 14, bold=True)
        below = self.pyramid(EDGE + 30) if len(self.s.planes[0].sizes) == 2 else self.rows(EDGE + 30)
        self.sheet.high = self.table(below) + EDGE
        return self.sheet

    # -- two axes ----------------------------------------------------------------------------------------------------
    def pyramid(self, top: float) -> float:
        planes = self.s.planes
        high = self.flat(EDGE, top)
        left, room = EDGE + SIDE + 46, WIDE - 2 * EDGE - SIDE - 46
        most = max(max(p.sizes) for p in planes)
        sides = [[LEAST + (150 - LEAST) * (n / most) ** 0.6 if max(p.sizes) > 1 else 8.0 for n in p.sizes] for p in planes]
        takes = [LEAN * w for _, w in sides]
        gap = (room - sum(takes)) / max(1, len(planes) - 1)
        middle = top + max(h + RISE * w for h, w in sides) / 2 + 6
        x, places = left, []
        for (h, w), take in zip(sides, takes):
            places.append((x, middle - h / 2 + RISE * w / 2, h, w))
            x += take + gap
        for k, (p, place) in enumerate(zip(planes, places)):
            if k:  # what lies behind is drawn first
                self.rays(planes[k - 1], places[k - 1], p, place)
            self.plane(p, place, k)
        return max(high, *(y + h + 16 for _, y, h, _ in places)) + 18

    def flat(self, x: float, top: float) -> float:
        """The input as it is, with the field on it; returns where it ends."""
        p = self.s.planes[0]
        (h, w), ((r0, r1), (c0, c1)) = p.sizes, p.window
        over = [max(0, -r0), max(0, r1 + 1 - h), max(0, -c0), max(0, c1 + 1 - w)]  # padding above, below, left, right
        shown = [min(o, n // 2) for o, n in zip(over, (h, h, w, w))]  # as much as half the input on each side
        unit = SIDE / max(h + shown[0] + shown[1], w + shown[2] + shown[3])
        x0, y0 = x + shown[2] * unit, top + shown[0] * unit
        s = self.sheet
        s.rect(x0, y0, w * unit, h * unit, self.theme.line, self.ground)
        self.shown_photo(f"{w * unit:.2f} 0 0 {h * unit:.2f} {x0:.2f} {y0:.2f}")
        self.grid(p, lambda r, c: (x0 + c * unit, y0 + r * unit))
        left, upper = max(c0, -shown[2]), max(r0, -shown[0])
        right, lower = min(c1 + 1, w + shown[3]), min(r1 + 1, h + shown[1])
        if any(over):
            s.rect(x0 + left * unit, y0 + upper * unit, (right - left) * unit, (lower - upper) * unit, self.seen,
                   thick=1.2, dash="4 3")
        (a, b), (c, d) = p.inside
        if a <= b and c <= d:
            s.rect(x0 + c * unit, y0 + a * unit, (d - c + 1) * unit, (b - a + 1) * unit, "none", self.seen, opacity=0.22)
            s.rect(x0 + c * unit, y0 + a * unit, (d - c + 1) * unit, (b - a + 1) * unit, self.seen, thick=2)
        bottom = y0 + (h + shown[1]) * unit
        s.text(x, bottom + 16, f"rows {r0}…{r1}, columns {c0}…{c1}" if a <= b and c <= d else "nothing", 10, self.theme.quiet)
        more = "of the padding as much as fits is drawn" if over != shown else "dashed: padding" if any(over) else ""
        s.text(x, bottom + 30, said(p), 10, self.theme.quiet)
        s.text(x, bottom + 44, more, 10, self.theme.quiet)
        return bottom + (44 if more else 30)

    def plane(self, p: Plane, place: Stand, k: int) -> None:
        x, y, h, w = place
        at = _leaning(p, place)
        s = self.sheet
        if k == 0:
            self.shown_photo(f"{LEAN * w:.2f} {-RISE * w:.2f} 0 {h:.2f} {x:.2f} {y:.2f}")
        whole = ((0, 0), (0, p.sizes[1]), (p.sizes[0], p.sizes[1]), (p.sizes[0], 0))
        s.shape([at(*c) for c in whole], self.theme.line, "none" if k == 0 and self.photo else self.ground, opacity=0.9)
        self.grid(p, at)
        corners = _corners(p)
        if corners:
            s.shape([at(*c) for c in corners], self.seen, self.seen, thick=1.2, opacity=0.55)
        mid = at(p.sizes[0], p.sizes[1] / 2)
        s.text(mid[0], max(mid[1], y + h) + 14, str(k + 1), 11, anchor="middle", bold=True)

    def shown_photo(self, matrix: str) -> None:
        """The photograph, of which the drawing holds one copy, in a place of the sheet."""
        if self.photo:
            self.sheet.add(f'<use href="#{self.name}" transform="matrix({matrix})"/>')

    def rays(self, before: Plane, place: Stand, after: Plane, to: Stand) -> None:
        """From the corners of a window to those of the next."""
        a, b = _corners(before), _corners(after)
        if a and b:
            from_, into = _leaning(before, place), _leaning(after, to)
            for p, q in zip(a, b):
                self.sheet.line([from_(*p), into(*q)], self.seen, 0.6)

    def grid(self, p: Plane, at: Any) -> None:
        h, w = p.sizes
        if max(h, w) <= CELLS and max(h, w) > 1:
            for r in range(1, h):
                self.sheet.line([at(r, 0), at(r, w)], self.theme.frame, 0.4)
            for c in range(1, w):
                self.sheet.line([at(0, c), at(h, c)], self.theme.frame, 0.4)

    # -- one axis ----------------------------------------------------------------------------------------------------
    def rows(self, top: float) -> float:
        planes = self.s.planes
        ends = [(min(0, p.window[0][0]), max(p.sizes[0], p.window[0][1] + 1)) for p in planes]
        room = WIDE - 2 * EDGE - 30
        reach = max(max(p.sizes[0] / 2 - a, b - p.sizes[0] / 2) for p, (a, b) in zip(planes, ends))  # from the middle of a layer
        unit = min(room / 2 / reach, 18.0)
        step, thick = 46.0, 16.0
        lines = []
        for k, p in enumerate(planes):
            y = top + (len(planes) - 1 - k) * step
            x0 = EDGE + 30 + room / 2 - p.sizes[0] / 2 * unit
            lines.append((x0, y))
            (first, last), (i, j) = p.window[0], p.inside[0]
            if k:
                x, under = lines[k - 1]
                p0, p1 = planes[k - 1].window[0]
                self.sheet.shape([(x + p0 * unit, under), (x + (p1 + 1) * unit, under), (x0 + (last + 1) * unit, y + thick),
                                  (x0 + first * unit, y + thick)], "none", self.seen, opacity=0.15)
            self.sheet.rect(x0, y, p.sizes[0] * unit, thick, self.theme.line, self.ground)
            if p.sizes[0] * 3 < p.sizes[0] * unit:
                for c in range(1, p.sizes[0]):
                    self.sheet.line([(x0 + c * unit, y), (x0 + c * unit, y + thick)], self.theme.frame, 0.4)
            if (first, last) != (i, j):
                self.sheet.rect(x0 + first * unit, y, (last - first + 1) * unit, thick, self.seen, dash="4 3")
            if i <= j:
                self.sheet.rect(x0 + i * unit, y, max((j - i + 1) * unit, 1.5), thick, self.seen, self.seen, opacity=0.55)
            self.sheet.text(EDGE + 4, y + 12, str(k + 1), 11, bold=True)
        return top + len(planes) * step - step + thick + 24

    # -- in numbers --------------------------------------------------------------------------------------------------
    def table(self, top: float) -> float:
        """The planes by their numbers, and what is not among them; returns where the table ends."""
        s = self.s
        padded = any(p.there != p.seen for p in s.planes)
        rows = [[str(k), p.name, p.text if p.text != p.name else "", str(p.channels),
                 f"{_by(p.there)} of {_by(p.sizes)}" if min(p.seen) > 0 else "nothing",
                 *[_by(p.seen) if p.there != p.seen else ""] * padded, ", ".join(str(a) for a, _ in p.window)]
                for k, p in enumerate(self.s.planes, 1)]
        heads = ["", "layer", "", "channels", "sees", *["with padding"] * padded, "from place"]
        fits = (fitted, fitted_end, *(fitted,) * 5)
        cut = [[fit(c, 10, most) for fit, c, most in zip(fits, r, (20, 190, 210, 60, 100, 80, 80))] for r in (heads, *rows)]
        x, starts = EDGE, []
        for column in zip(*cut):
            starts.append(x)
            x += max(width(c, 10, bold=True) for c in column) + 14
        for k, r in enumerate(cut):
            for at, c in zip(starts, r):
                self.sheet.text(at, top + k * LINE, c, 10, self.theme.quiet if not k else "", bold=not k)
        below = top + (len(cut) - 1) * LINE
        if not s.others:
            return below
        self.sheet.text(EDGE, below + LINE + 6, fitted(f"the planes are those of {s.input}; {beside(s)}", 10, WIDE - 2 * EDGE), 10,
                        self.theme.quiet)
        return below + LINE + 6


def _leaning(p: Plane, place: Stand) -> Any:
    """Where a place of a plane that stands in a row lies on the sheet."""
    x, y, h, w = place
    rows, columns = p.sizes

    def at(r: float, c: float) -> Point:
        across = c / columns * w
        return x + LEAN * across, y + r / rows * h - RISE * across

    return at


def _corners(p: Plane) -> list[tuple[float, float]]:
    """Of the part of a window that is in its plane."""
    (a, b), (c, d) = p.inside
    return [(a, c), (a, d + 1), (b + 1, d + 1), (b + 1, c)] if a <= b and c <= d else []
