"""Figures of a network: read, laid out, drawn; as SVG, as TikZ, and through SVG as PNG and PDF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Literal

from ...diagnostics import UsageError, unwritable
from ...ir.graph import Graph
from ...reading import write
from ..drawing import sheet as drawing
from ..drawing.sheet import save
from .canvas import Canvas
from .folding import folded
from .legend import draw_legend
from .lying import draw_lying, lies
from .paint import ink
from .reading import read
from .rows import draw_rows
from .sizes import Scale
from .stages import stages
from .svg import svg
from .table import draw_stages
from .tikz import tikz
from .u import draw_u, is_u
from .volumes import Picture

Style = Literal["volume", "blocks"]
ENDINGS = (*drawing.ENDINGS, ".tex")
PAGE, HIGH = 455.0, 400.0  # the width of text on A4, and how high a U may be, in points
MOST = 90  # a picture of more volumes says less than the diagram


@dataclass(frozen=True)
class Figure:
    """A figure of a network, `wide` points wide at most, with text of 7 points."""

    graph: Graph
    style: Style = "volume"
    wide: float = PAGE
    theme: str = "light"

    @cached_property
    def picture(self) -> Picture:
        """What is drawn of the network."""
        return folded(read(self.graph))

    @cached_property
    def canvas(self) -> Canvas:
        if self.style == "blocks":
            return draw_stages(stages(self.graph), self.wide)
        picture = self.picture
        if len(picture.volumes) > MOST:
            raise UsageError(f"{self.graph.name} would be a row of {len(picture.volumes)} volumes, more than a figure can show",
                             hint="the diagram folds more:  leave out --style volume")
        scale = Scale(picture)
        u = is_u(picture)
        canvas = (draw_u(picture, scale, self.wide, HIGH) if u else draw_lying(picture, scale, self.wide) if lies(picture)
                 else draw_rows(picture, scale, self.wide))
        draw_legend(canvas, picture, scale, self.wide, u)
        return canvas

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
