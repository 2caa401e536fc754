"""A film as an animation (GIF): each picture is the one before, and what its step adds to it."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from ...waiting import each
from ..drawing.rendering import SCREEN, raster

SECONDS, LONGER = 0.9, 4.0  # that a picture is shown, and the last one
COLOURS = 64


def gif(layer: Callable[[int, bool], str], whole: str, page: str, steps: int) -> bytes:
    """The bytes of the file, of so many pictures on a page of this colour.

    layer  the drawing of what a step adds, on no ground: what stays, or what is seen for a while
    whole  the drawing of all that stays, whose colours are those of the file
    """
    lasting = _picture(layer(0, True), page)
    images: list[Image.Image] = []
    palette = _picture(whole, page).convert("RGB").quantize(COLOURS)
    for step in each("drawing step", range(steps)):
        if step:
            lasting.alpha_composite(_picture(layer(step, True), None))
        shown = lasting.copy()
        shown.alpha_composite(_picture(layer(step, False), None))
        images.append(shown.convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE))
    times = [round(1000 * SECONDS)] * (len(images) - 1) + [round(1000 * LONGER)]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=times, loop=0)
    return out.getvalue()


def _picture(svg: str, page: str | None) -> Image.Image:
    return Image.open(io.BytesIO(raster(svg, page, SCREEN))).convert("RGBA")
