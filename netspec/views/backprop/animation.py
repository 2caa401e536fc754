"""A film as an animation (GIF): each picture is the one before, and what its step adds to it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from ...waiting import each
from ..drawing.rendering import raster

if TYPE_CHECKING:
    from .film import Film

SECONDS, LONGER = 0.9, 4.0  # that a picture is shown, and the last one
COLOURS = 64


def gif(film: Film) -> bytes:
    """The bytes of the file. What a step adds is drawn alone, which is much less than the whole of it."""
    lasting = _picture(film.layer(0, True), film.sheet.theme.page or "white").convert("RGBA")
    images: list[Image.Image] = []
    palette = _picture(film.svg, film.sheet.theme.page or "white").convert("RGB").quantize(COLOURS)
    for step in each("drawing step", range(film.last + 1), film.last + 1):
        if step:
            lasting.alpha_composite(_picture(film.layer(step, True), None))
        shown = lasting.copy()
        shown.alpha_composite(_picture(film.layer(step, False), None))
        images.append(shown.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE))
    times = [round(1000 * SECONDS)] * (len(images) - 1) + [round(1000 * LONGER)]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=times, loop=0)
    return out.getvalue()


def _picture(svg: str, page: str | None) -> Image.Image:
    return Image.open(io.BytesIO(raster(svg, page=page))).convert("RGBA")
