"""What can be looked at of whatever is a network: a checked spec, or one that runs. What draws is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..ir.graph import Graph

if TYPE_CHECKING:
    from .fields.drawn import FieldPicture
    from .numbers.counts import Counts
    from .tables.summary import Summary


class Viewed:
    """The views of a graph."""

    def _looked_at(self) -> Graph:
        """The graph that views show."""
        raise NotImplementedError

    def summary(self, receptive_field: bool = False, *, depth: int | None = None, memory: bool = False) -> Summary:
        """The table of layers. `.data()` is the same as plain values; `.to_markdown()`, `.to_csv()`, `.to_latex()`, `.to_html()`
        and `.to_text(width)` write it, and a notebook shows it by itself.

        depth            how deep blocks are open; 1 closes all of them. Unless given: all are open where that fits 80 lines,
                         else as deep as fits 40
        receptive_field  adds what each value sees of the inputs: places, the step from neighbour to neighbour, and where the
                         first one begins
        memory           adds the bytes of what each step gives, for one sample in float32
        """
        from .tables.summary import summarise

        return summarise(self._looked_at(), receptive_field, depth, memory)

    def counts(self) -> Counts:
        """Parameters and multiply-accumulates, in all and by node."""
        from .numbers.counts import count

        return count(self._looked_at())

    def draw(self, path: str | PathLike[str], direction: str = "down", *, style: str = "diagram", depth: int | None = None,
             open: str | Sequence[str] = (), focus: str | None = None, page: str | None = None, theme: str = "light",
             profile: str | PathLike[str] | None = None) -> None:
        """Draw the network into a file: .svg, .png, .pdf, .dot, or .html, a page to explore.

        direction  which way it flows: "down" or "right"
        style      "diagram"; "volume", volumes in perspective; "blocks", those of each stage (these two also as .tex, TikZ)
        depth      how deep blocks are open; 1 closes all of them. As deep as can be read on A4, unless given
        open       paths of blocks that are open all the same
        focus      the path of a block that is drawn alone, with what goes in and comes out
        page       "a4", "letter", "slide" or a size: "120x80mm", "6.5x9in"; as large as the drawing is, unless given
        theme      "light", "dark" or "transparent"
        profile    for .html: the times of the layers, a file that `netspec bench` has written
        """
        from .drawing.files import draw_into, wanted

        draw_into(self._looked_at(), path, wanted(style, direction, depth, open, focus, page, theme), style, profile)

    def diagram(self, depth: int | None = None, *, style: str = "diagram", direction: str = "down",
                open: str | Sequence[str] = (), focus: str | None = None, page: str | None = None, theme: str = "light") -> Any:
        """The drawing itself, which a notebook shows; `.svg` is its text. The options are those of `draw`."""
        from .drawing.files import picture

        return picture(self._looked_at(), style, depth=depth, direction=direction, open=open, focus=focus, page=page, theme=theme)

    def field(self, unit: str | None = None, at: Sequence[int] | None = None, picture: Any = None, theme: str = "light", *,
              source: str | None = None) -> FieldPicture:
        """What one unit sees of the input and of the layers on the way to it, as a picture: `.save("field.svg")`, `.svg`, or by
        itself in a notebook; its `.sight` holds the numbers.

        unit     the name of a layer; unless given, the last one of more than one place
        at       the unit's place in it, (y, x) or (x,); unless given, the middle
        picture  a photograph for the input to hold: a path, a PIL image, or an array, C x H x W, H x W x C or H x W, of bytes
                 or of numbers from 0 to 1
        theme    light, dark or transparent
        source   the input that is drawn, of a unit that is made from several; unless given, the first
        """
        from .drawing.sheet import theme_of
        from .fields.drawn import field

        return field(self._looked_at(), unit, at, picture, theme_of(theme), source)
