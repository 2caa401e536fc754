"""Plates as one PNG, their words set in the font that all drawings have.

All is laid out in pixels of a page, 96 to an inch; for print the picture has several dots for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any

import numpy as np

from ...plain import shown
from ..drawing.lettering import FONTS, fitted, width
from ..drawing.looks import Theme
from ..drawing.rendering import COARSE, FINE, MOST
from ..pictures import Tile, png
from .plate import Panel, Plate

EDGE, GAP, LINE = 20, 14, 15  # around the sheet, between tiles, and from one line of words to the next, in pixels
INCH = 96  # pixels
TITLE, TEXT, SMALL = 16, 12, 11  # sizes of letters
LEAST = 64  # the narrowest place of a panel
PAGE = 560  # what a line of `about` may be wide at least


@dataclass(frozen=True)
class _Words:
    x: int
    y: int
    text: str
    size: int
    colour: str
    bold: bool = False


def sheet(plates: Sequence[Plate], theme: Theme, fine: bool = True) -> bytes:
    """The bytes of the picture: with dots for print, or of a screen, one for each pixel."""
    wide = max(PAGE, *(sum(_place(p, row) + GAP for p in row) - GAP for plate in plates for row in plate.rows)) + 2 * EDGE
    words: list[_Words] = []
    tiles: list[tuple[int, int, Tile]] = []
    y = EDGE
    for plate in plates:
        words.append(_Words(EDGE, y, fitted(shown(plate.title), TITLE, wide - 2 * EDGE), TITLE, theme.text, bold=True))
        y += TITLE + 8
        for line in _folded(shown(plate.about), TEXT, wide - 2 * EDGE):
            words.append(_Words(EDGE, y, line, TEXT, theme.quiet))
            y += LINE
        y += 8
        for row in plate.rows:
            y = _row(row, y, words, tiles, theme)
        y += EDGE
    times = (FINE // INCH if FINE // INCH * max(wide, y) <= MOST else ceil(COARSE / INCH)) if fine else 1
    return png(_painted(wide, y, words, tiles, theme, times), times * INCH)


def _row(row: Sequence[Panel], y: int, words: list[_Words], tiles: list[tuple[int, int, Tile]], theme: Theme) -> int:
    """Places the panels of a row; returns where the next begins."""
    x, high = EDGE, max(p.tile.shape[0] for p in row)
    for p in row:
        tiles.append((x, y, p.tile))
        for k, line in enumerate(p.lines):
            words.append(_Words(x, y + p.tile.shape[0] + 4 + k * LINE, fitted(shown(line), SMALL, _place(p, row)), SMALL,
                                theme.text if k == 0 else theme.quiet))
        x += _place(p, row) + GAP
    return int(y + high + max(len(p.lines) for p in row) * LINE + GAP)


def _place(p: Panel, row: Sequence[Panel]) -> int:
    """How wide a panel is: its tile, or words that are not much wider; those of one that stands alone may be."""
    said = max((width(shown(line), SMALL) for line in p.lines), default=0.0) + 1
    return int(max(LEAST, p.tile.shape[1], min(said, PAGE if len(row) == 1 else max(120, 1.5 * p.tile.shape[1]))))


def _painted(wide: int, high: int, words: Sequence[_Words], tiles: Sequence[tuple[int, int, Tile]], theme: Theme,
             times: int) -> Tile:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (times * wide, times * high), theme.page or "#ffffff")
    for x, y, t in tiles:
        tile = Image.fromarray(t.repeat(times, 0).repeat(times, 1))
        image.paste(tile, (times * x, times * y), tile if tile.mode == "RGBA" else None)
    draw = ImageDraw.Draw(image)
    for w in words:
        draw.text((times * w.x, times * w.y), w.text, w.colour, _font(times * w.size, w.bold))
    out: Tile = np.asarray(image)
    return out


@cache
def _font(size: int, bold: bool) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(FONTS / f"Arimo-{'Bold' if bold else 'Regular'}.ttf"), size, layout_engine=ImageFont.Layout.BASIC)


def _folded(text: str, size: float, most: float) -> Iterator[str]:
    """A text in lines of at most so many points."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and width(longer, size) > most:
            yield line
            line = word
        else:
            line = longer
    if line:
        yield line
