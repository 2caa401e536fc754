"""The legend of a diagram: the kinds of boxes and arcs that are in it, and what a number of turns means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .lettering import FAMILY, width
from .looks import KINDS, Theme
from .scene import SMALL, Frame, Scene

GAP, ROW = 14, 15  # between entries, and from row to row
MARK = 18  # across a mark
LEAST, WIDEST = 260, 760


def legend(scene: Scene, theme: Theme, room: float) -> tuple[str, float, float]:
    """SVG elements that begin at 0, 0, and their width and height; entries are wrapped into the room."""
    room = min(max(room, LEAST), WIDEST)
    out, x, y, right = [], 0.0, 0.0, 0.0
    for mark, word in _entries(scene, theme):
        wide = MARK + 4 + width(word, SMALL)
        if x and x + wide > room:
            x, y = 0.0, y + ROW
        out.append(f'<g transform="translate({x:.2f} {y:.2f})">{mark}<text x="{MARK + 4}" y="9" font-family="{FAMILY}" '
                   f'font-size="{SMALL:.2f}" fill="{theme.label}" textLength="{width(word, SMALL):.2f}" '
                   f'lengthAdjust="spacingAndGlyphs">{escape(word)}</text></g>\n')
        x += wide + GAP
        right = max(right, x - GAP)
    return (f'<g class="legend">\n{"".join(out)}</g>\n', right, y + ROW) if out else ("", 0.0, 0.0)


def _entries(scene: Scene, theme: Theme) -> Iterator[tuple[str, str]]:
    kinds = {box.kind for box in scene.boxes}
    for kind, look in KINDS.items():
        if kind in kinds - {"input"}:
            yield (f'<rect x="0.5" y="0.5" width="{MARK - 1}" height="10" rx="2.5" fill="{theme.fill(kind)}" '
                   f'stroke="{theme.ink(kind)}"/><rect x="2.5" y="2.3" width="6.5" height="6.4" rx="1" '
                   f'fill="{theme.paint(kind)}" stroke="{theme.ink(kind)}" stroke-width="0.5"/>'), (
                       look.word + " (parameters · MACs)" if kind == "block" and scene.terse else look.word)
    arcs = {arc.kind for arc in scene.arcs}
    if "skip" in arcs:
        yield _line(theme.skip, 1.6, ""), "skips layers"
    if "reference" in arcs:
        yield _line(theme.reference, 1.1, ' stroke-dasharray="4,2"'), "gives a size or places only"
    if any(box.times > 1 for box in scene.boxes) or _repeats(scene.items):
        yield (f'<text x="1" y="9" font-family="{FAMILY}" font-size="{SMALL:.2f}" font-weight="bold" fill="{theme.label}" '
               f'textLength="{width("×n", SMALL, bold=True):.2f}">×n</text>'), "n of these, one after the other"


def _line(colour: str, wide: float, dash: str) -> str:
    return f'<path d="M0 5.5H{MARK}" fill="none" stroke="{colour}" stroke-width="{wide}"{dash}/>'


def _repeats(items: Sequence[object]) -> bool:
    return any(isinstance(i, Frame) and (i.times > 1 or _repeats(i.inside)) for i in items)
