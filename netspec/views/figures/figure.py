"""Figures of a network: read, laid out, drawn; as SVG, as TikZ, and through SVG as PNG and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Literal

from ...diagnostics import UsageError, unwritable
from ...ir.graph import Graph
from ...plain import shown
from ...reading import write
from ..drawing import sheet as drawing
from ..drawing.pages import A4, LARGEST, Page
from ..drawing.sheet import save
from .canvas import Canvas
from .folding import folded
from .legend import draw_legend
from .lying import draw_lying, lies
from .paint import ink
from .reading import read
from .rows import draw_rows
from .sizes import Scale
from .stages import Stages, stages
from .svg import svg
from .table import draw_stages
from .tikz import tikz
from .u import draw_u, is_u
from .volumes import Picture

Style = Literal["volume", "blocks"]
ENDINGS = (*drawing.ENDINGS, ".tex")
PAGE, HIGH = 455.0, 400.0  # the width of text on A4, and how high a U may be, in points
BELOW = 40.0  # for the legend of a U
SCALES = (2.0, 1.7, 1.45, 1.2, 1.0, 0.85, 0.7, 0.6, 0.5)  # how large text is tried on a page
MOST = 90  # a picture of more volumes says less than the diagram


@dataclass(frozen=True, repr=False)
class Figure:
    """A figure of a network: as wide as the text of A4 at most, with text of 7 points; or as large as a page has room."""

    graph: Graph
    style: Style = "volume"
    theme: str = "light"
    page: Page | None = None

    def __post_init__(self) -> None:
        if self.style == "volume" and len(self.picture.volumes) > MOST:
            raise UsageError(f"{self.graph.name} would be a row of {len(self.picture.volumes)} volumes, more than a figure can show",
                             hint="the diagram folds more:  leave out --style volume")

    @cached_property
    def picture(self) -> Picture:
        """What is drawn of the network."""
        return folded(read(self.graph))

    @cached_property
    def stages(self) -> Stages:
        """The rows of the table, of the style `blocks`."""
        return stages(self.graph)

    @cached_property
    def canvas(self) -> Canvas:
        if self.page is None:
            return self.laid_out(PAGE, HIGH, A4.room[1])[0]
        across, down = self.page.room
        best, most = Canvas(), 0.0
        for scale in SCALES:
            canvas, factor = self.laid_out(across / scale, down / scale - BELOW, down / scale)
            wide, high = canvas.size
            fits = min(across / wide, down / high, LARGEST)
            if (worth := fits * min(factor, 1.0) ** 0.7) > most:  # large text, and volumes that are not tiny
                best, most = canvas.scaled(fits), worth
        best.page = (self.page.width, self.page.height)
        return best

    def laid_out(self, wide: float, u: float, high: float) -> tuple[Canvas, float]:
        """The drawing so wide, a U so high, a table for a page so high; and how large its volumes are."""
        if self.style == "blocks":
            return draw_stages(self.stages, wide, high), 1.0
        picture = self.picture
        scale = Scale(picture)
        stands = is_u(picture)
        canvas = (draw_u(picture, scale, wide, u) if stands else draw_lying(picture, scale, wide) if lies(picture)
                  else draw_rows(picture, scale, wide))
        draw_legend(canvas, picture, scale, wide, stands)
        return canvas, scale.factor

    @property
    def svg(self) -> str:
        return svg(self.canvas, ink(self.theme), self.title)

    @property
    def tikz(self) -> str:
        return tikz(self.canvas, ink(self.theme), self.title)

    @property
    def title(self) -> str:
        return f"{self.graph.name}: {'its stages' if self.style == 'blocks' else 'its volumes'}"

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Figure of {shown(self.graph.name)}: {self.title.rpartition(': ')[2]}"

    def save(self, path: str | PathLike[str]) -> None:
        """Write the figure; its ending says how: one of `ENDINGS`."""
        target = Path(path)
        if target.suffix.lower() != ".tex":
            save(self.svg, target, ink(self.theme).page)
            return
        try:
            write(target, self.tikz.encode())
        except (OSError, ValueError) as e:
            raise unwritable(target, e) from None
