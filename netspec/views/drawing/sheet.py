"""A sheet that is drawn on by hand: shapes and lettering as SVG text, in points from its upper left corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from os import PathLike
from pathlib import Path

from ...diagnostics import UsageError, unwritable
from ...plain import shown
from ...reading import write
from .lettering import FAMILY, width
from .looks import THEMES, Theme

Point = tuple[float, float]
Anchor = str  # start, middle, end
ENDINGS = (".svg", ".png", ".pdf")


@dataclass
class Sheet:
    """What has been drawn so far, in order. `wide` and `high` may be set last: nothing depends on them."""

    wide: float = 0.0
    high: float = 0.0
    theme: Theme = THEMES["light"]
    about: str = ""  # read aloud in the place of the picture
    parts: list[str] = field(default_factory=list)

    @property
    def svg(self) -> str:
        w, h = f"{self.wide:.0f}", f"{self.high:.0f}"
        ground = [f'<rect width="{w}" height="{h}" fill="{self.theme.page}"/>'] if self.theme.page else []
        title = [f"<title>{escape(shown(self.about))}</title>"] if self.about else []
        return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
                          f'font-family="{FAMILY}">', *title, *ground, *self.parts, "</svg>", ""])

    def add(self, element: str) -> None:
        self.parts.append(element)

    def text(self, x: float, y: float, text: str, size: float = 10, colour: str = "", anchor: Anchor = "start",
             bold: bool = False) -> None:
        """A line of text, its baseline at y, as wide as it is measured whatever font a viewer has."""
        text = shown(text)
        if text.strip():
            self.add(f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour or self.theme.text}"'
                     + (f' text-anchor="{anchor}"' if anchor != "start" else "") + (' font-weight="bold"' if bold else "")
                     + f' textLength="{width(text, size, bold):.1f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>')

    def shape(self, points: Iterable[Point], stroke: str = "none", fill: str = "none", thick: float = 1.0, dash: str = "",
              opacity: float = 1.0, closed: bool = True) -> None:
        """A line through these points; closed it is an area."""
        path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + ("Z" if closed else "")
        self.add(f'<path d="{path}" fill="{fill}" stroke="{stroke}"' + (f' stroke-width="{_n(thick)}"' if thick != 1 else "")
                 + (f' stroke-dasharray="{dash}"' if dash else "") + (f' opacity="{_n(opacity)}"' if opacity != 1 else "") + "/>")

    def rect(self, x: float, y: float, w: float, h: float, stroke: str = "none", fill: str = "none", thick: float = 1.0,
             dash: str = "", opacity: float = 1.0) -> None:
        self.shape(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), stroke, fill, thick, dash, opacity)

    def line(self, points: Sequence[Point], stroke: str = "", thick: float = 1.0, dash: str = "") -> None:
        self.shape(points, stroke or self.theme.line, "none", thick, dash, closed=False)

    def circle(self, x: float, y: float, r: float, stroke: str = "", fill: str = "none", thick: float = 1.0) -> None:
        self.add(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" fill="{fill}" stroke="{stroke or self.theme.line}" '
                 f'stroke-width="{_n(thick)}"/>')


def theme_of(name: object) -> Theme:
    """A theme by its name. Errors: there is none of this name."""
    if not isinstance(name, str) or name not in THEMES:
        raise UsageError(f"there is no theme {name!r}: {', '.join(THEMES)}", hint='theme="dark"')
    return THEMES[name]


def save(svg: str, path: str | PathLike[str], page: str | None) -> None:
    """Write a picture; its ending says how, .svg, .png or .pdf (extra `viz`), of a page of this colour."""
    if not isinstance(path, (str, PathLike)):
        raise UsageError(f"a picture is written to a path, not to a {type(path).__name__}", hint='.save("net.svg")')
    target = Path(path)
    match target.suffix.lower():
        case ".svg":
            data = svg.encode()
        case ".png":
            from .rendering import raster

            data = raster(svg, page=page)
        case ".pdf":
            from .rendering import pdf

            data = pdf(svg)
        case other:
            raise UsageError(f"this picture is written as {', '.join(ENDINGS)}, and `{target.name}` ends in {other or 'nothing'}",
                             hint=f"{target.stem or 'picture'}.svg")
    try:
        write(target, data)
    except (OSError, ValueError) as e:
        raise unwritable(target, e) from None


def _n(x: float) -> str:
    """A number with a tenth of a point."""
    return f"{x:.1f}".removesuffix(".0") if abs(x) >= 0.05 else "0"
