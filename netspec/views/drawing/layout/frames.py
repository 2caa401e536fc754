"""The frames of a piece that Graphviz has laid out: their borders moved off the arcs that run along them, their titles to where
no arc runs through. Where there is no such place, a title stands on the arc, which is interrupted behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape, unescape

from ..lettering import FAMILY, width
from ..looks import Theme
from ..scene import CONTINUED, SMALL, TITLE
from .obstacles import Line, Rect, beside, reaches

INSET = 7  # of a title, from the left border
MOVES = (2.0, 3.5, 5.0, -2.5, -4.0)  # of a border, inwards where positive
APART = 2.5  # what is left between a border and what else there is
CORNER = 8  # of a frame
BORDER = re.compile(r'<g id="\w+" class="cluster">\s*<title>cluster_(\d+)</title>.*?</g>\n(?:</g>\n)?', re.DOTALL)


@dataclass(frozen=True)
class Frames:
    """SVG elements, where frames and titles are, and the numbers of frames whose title stands on an arc."""

    body: str
    frames: list[Rect]
    titles: list[Rect]
    crossed: dict[int, str]


def settled(found: Sequence[tuple[int, str, Rect]], boxes: Iterable[Rect], lines: Sequence[Line], theme: Theme) -> Frames:
    """The frames of these numbers, elements and bounds, drawn anew."""
    out = Frames("", [], [], {})
    solid = [*boxes, *(r for _, _, r in found)]
    body = []
    for number, element, bounds in found:
        frame = _off(bounds, [r for r in solid if r is not bounds], lines)
        look = re.search(r'stroke="([^"]*)" stroke-width="([^"]*)"|stroke="([^"]*)"', element)
        assert look is not None
        stroke, thick = look[1] or look[3], look[2] or "1"
        text = re.search(r"<text[^>]*>([^<]*)<", element)
        title = " ".join(unescape(text[1]).replace("\N{NO-BREAK SPACE}", " ").split()) if text else ""
        level = re.search(r' y="([^"]*)"', text[0]) if text else None
        low = level is not None and 2 * float(level[1]) > bounds.y0 + bounds.y1  # of what flows up it stands below
        top, bottom = (frame.y1 - TITLE + 1, frame.y1) if low else (frame.y0 + 1, frame.y0 + TITLE)
        strip = Rect(frame.x0, top, frame.x1, bottom)
        places = _places(title, strip, lines)
        if places is None:
            places = [(title, frame.x0 + INSET)]
            out.crossed[number] = title
        shown = []
        for words, x in places:
            wide = width(words, SMALL)
            spot = Rect(x, strip.y0 + 1, x + wide, strip.y1 - 1)
            out.titles.append(spot)
            if number in out.crossed and theme.page:
                shown.append(f'<rect x="{x - 1.5:.2f}" y="{spot.y0:.2f}" width="{wide + 3:.2f}" height="{spot.y1 - spot.y0:.2f}" '
                             f'fill="{theme.page}"/>\n')
            shown.append(f'<text xml:space="preserve" text-anchor="middle" x="{x + wide / 2:.2f}" y="{strip.y1 - 3:.2f}" '
                         f'font-family="{FAMILY}" font-size="{SMALL:.2f}" fill="{theme.label}" textLength="{wide:.2f}" '
                         f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>\n')
        body.append(f'<g id="clust{number}" class="cluster">\n<title>cluster_{number}</title>\n<path fill="none" '
                    f'stroke="{stroke}" stroke-width="{thick}" d="{rounded(frame, CORNER)}"/>\n{"".join(shown)}</g>\n')
        out.frames.append(frame)
    return replace(out, body="".join(body))


def halves(title: str) -> list[str]:
    """A title and its number, which may stand apart: `unit2…200` and `×199`, `stage3, continued` and `(2 of 3)`."""
    for sign in (" ×", " ("):
        name, _, number = title.rpartition(sign)
        if name:
            return [name, sign.strip() + number]
    return [title]


def rounded(r: Rect, corner: float) -> str:
    """An outline with round corners."""
    c = min(corner, (r.y1 - r.y0) / 2, (r.x1 - r.x0) / 2)
    x, y = (r.x0, r.x0 + c, r.x1 - c, r.x1), (r.y0, r.y0 + c, r.y1 - c, r.y1)

    def point(i: int, j: int) -> str:
        return f"{x[i]:.2f},{y[j]:.2f}"

    return (f"M{point(1, 0)}L{point(2, 0)}Q{point(3, 0)} {point(3, 1)}L{point(3, 2)}Q{point(3, 3)} {point(2, 3)}"
            f"L{point(1, 3)}Q{point(0, 3)} {point(0, 2)}L{point(0, 1)}Q{point(0, 0)} {point(1, 0)}Z")


def _off(frame: Rect, others: Sequence[Rect], lines: Sequence[Line]) -> Rect:
    """A frame with each border that an arc runs along moved a little, if there is room."""
    within = [r for r in others if frame.holds(r)]
    outside = [r for r in others if not frame.holds(r) and not r.holds(frame)]
    around = [r for r in others if r.holds(frame)]
    for k, name in enumerate(("y0", "x1", "y1", "x0")):  # in the order of its sides
        if not any(beside(line, frame.sides[k]) for line in lines):
            continue
        for move in MOVES:
            moved = replace(frame, **{name: getattr(frame, name) + (move if name in ("x0", "y0") else -move)})
            room = [Rect(r.x0 - APART, r.y0 - APART - (TITLE - 5 if name == "y0" else 0), r.x1 + APART,
                         r.y1 + APART + (TITLE - 5 if name == "y1" else 0)) for r in within]
            if (all(moved.holds(r) for r in room) and all(r.holds(moved) for r in around)
                    and not any(moved.meets(r) for r in outside) and not any(beside(line, moved.sides[k]) for line in lines)):
                frame = moved
                break
    return frame


def _places(title: str, strip: Rect, lines: Sequence[Line]) -> list[tuple[str, float]] | None:
    """The words of a title and where in its strip each begins: where no arc comes, all together, without its `continued`, or its
    ×N by itself. None: nowhere."""
    if not title:
        return []
    taken = sorted(_across(line, strip) for line in lines if reaches(line, strip))
    gaps, at = [], strip.x0 + INSET
    for low, high in [*taken, (strip.x1 - INSET + 2, strip.x1)]:
        gaps.append((at, low - 2))
        at = max(at, high + 2)
    brief = title.replace(CONTINUED, "")
    for words in ([title], [brief], halves(title), halves(brief)):
        found, free = [], list(gaps)
        for word in words:
            gap = next((g for g in free if g[1] - g[0] >= width(word, SMALL)), None)
            if gap is None:
                break
            found.append((word, gap[0]))
            free[free.index(gap)] = gap[0] + width(word, SMALL) + 6, gap[1]
        if len(found) == len(words):
            return found
    return None


def _across(line: Line, strip: Rect) -> tuple[float, float]:
    """From where to where a line takes a strip's room."""
    (x0, y0), (x1, y1) = sorted(line, key=lambda p: p[1])
    if y1 - y0 < 0.01:
        return min(x0, x1), max(x0, x1)
    low, high = (x0 + (x1 - x0) * (min(max(y, y0), y1) - y0) / (y1 - y0) for y in (strip.y0, strip.y1))
    return min(low, high) - 1, max(low, high) + 1
