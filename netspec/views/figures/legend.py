"""The legend: what each colour is, what each line is, and to what scale it is all drawn."""

from __future__ import annotations

from collections.abc import Iterator

from ..drawing.lettering import width
from .canvas import FONT, Canvas
from .paint import ACROSS, FILL, PATTERN, WORD
from .rows import DASHES
from .sizes import SAID, UNITS, Scale
from .volumes import Kind, Part, Picture, times

NAMED = {"deconv": "up-convolution", "maxpool": "max pooling", "avgpool": "average pooling", "up": "upsampling",
         "unpool": "unpooling", "shuffle": "pixels from channels", "unshuffle": "channels from pixels",
         "reshape": "reshaped"}
LEAST = 230.0  # a line of it, in points
LINES = {"add": "addition", "shortcut": "addition, with layers on the way", "copy": "carried over", "places": "pooling indices"}
ACROSS_LINES = {"add": "carried over and added", "shortcut": "added, with layers on the way"}


def draw_legend(canvas: Canvas, picture: Picture, scale: Scale, page: float, u: bool) -> None:
    """Below all that is drawn, in lines as wide as that, or as the page."""
    page = min(page, max(canvas.size[0] + 8, LEAST))
    left, x, y = canvas.left, canvas.left, canvas.bottom + 14
    pictures = [picture, *(i.picture for i in picture.inflows)]
    for part in parts(pictures):
        said = word(part, pictures, u)
        if x + 12 + width(said, FONT) > left + page - 8:
            x, y = left, y + 11
        canvas.polygon([(x, y - 6), (x + 8, y - 6), (x + 8, y), (x, y)], FILL[part], pattern=PATTERN.get(part, ""))
        canvas.text(x + 11, y - 0.5, said, anchor="start", fill="label")
        x += 11 + width(said, FONT) + 9
    for kind, said, across in lines(pictures, u):
        if x + 16 + width(said, FONT) > left + page - 8:
            x, y = left, y + 11
        colour, thick = ACROSS if across else ("line", 0.8)
        canvas.line([(x, y - 3), (x + 12, y - 3)], colour, thick, DASHES[kind], arrow=True)
        canvas.text(x + 15, y - 0.5, said, anchor="start", fill="label")
        x += 15 + width(said, FONT) + 9
    notes = [UNITS[scale.bars_how]] if scale.bars else [SAID[scale.how]] if any(scale.spatial) else []
    notes += ["white band: cut"] * any(s.cut for s in scale.solids) + ["equal letters are joined"] * any(t.italic for t in canvas.texts)
    for note in notes:
        if x + width(note, FONT) > left + page - 8:
            x, y = left, y + 11
        canvas.text(x, y - 0.5, note, anchor="start", fill="label", italic=True)
        x += width(note, FONT) + 9


def parts(pictures: list[Picture]) -> list[Part]:
    used = {part for p in pictures for v in p.volumes for _, part in v.looks}
    return [p for p in WORD if p in used]


def word(part: Part, pictures: list[Picture], u: bool) -> str:
    kinds: tuple[Kind, ...] = ("up", "concat") if part == "up" else (part,) if part in ("conv", "pool", "move") else ()
    ups = [v for p in pictures for v in p.volumes if v.kind in kinds and (v.kind != "concat" or v.window)]
    names = list(dict.fromkeys(NAMED.get(v.word, v.word) for v in ups))
    said = names[0] if len(names) == 1 and part in ("up", "pool", "move") else WORD[part]
    if part == "b3" and any(v.slices and v.times > 1 for p in pictures for v in p.volumes):
        said = "added by each layer"
    windows = list(dict.fromkeys(times(v.window) for v in ups if v.window and part in ("conv", "pool", "up") and any(
        s != 1 for s in v.spatial)))
    return said + (" " + ", ".join(windows) if u and 0 < len(windows) < 3 else "")


def lines(pictures: list[Picture], u: bool) -> Iterator[tuple[str, str, bool]]:
    """Each kind of line, what it is, and whether it is as in a U, level across."""
    boxed = "copy" in parts(pictures)
    far = {a.kind for p in pictures for a in p.far}
    near = {part.kind for p in pictures for unit in p.units for part in p.inside(unit)}
    near |= {unit.over for p in pictures for unit in p.units if unit.over}
    for kind, said in LINES.items():
        for across, kinds in ((True, far), (False, near)) if u else ((False, far | near),):
            if kind in kinds and not (kind == "copy" and boxed and not u):
                yield kind, "copy" if kind == "copy" and boxed else ACROSS_LINES.get(kind, said) if across else said, across
