"""Pages: their sizes, their margins, and how large a drawing stands on them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...diagnostics import Advice, UsageError

UNITS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0}  # points
NAMED = {"a4": "210x297mm", "letter": "8.5x11in", "slide": "13.333x7.5in"}
MARGIN = 25 * UNITS["mm"]  # or a twelfth of the height, or a sixth of the width, where that is less
READABLE = 7.0  # points: no text of a drawing is smaller than this on A4, if that can be had
LARGEST = 2.0  # a small drawing is not blown up more than this
SMALLEST_PAGE = 72.0  # points


@dataclass(frozen=True)
class Page:
    """Sizes in points."""

    name: str
    width: float
    height: float

    @property
    def margin(self) -> float:
        return min(MARGIN, self.height / 12, self.width / 6)

    @property
    def room(self) -> tuple[float, float]:
        """What is left for the drawing."""
        return self.width - 2 * self.margin, self.height - 2 * self.margin

    def scale(self, width: float, height: float) -> float:
        """How large a drawing of this size can stand on it; 1 is its natural size."""
        across, down = self.room
        return min(across / max(width, 1), down / max(height, 1), LARGEST)


def page(text: str) -> Page:
    """`a4`, `letter`, `slide`, or a width and a height in mm: `120x80`, `120x80mm`, `12x8cm`, `6.5x9in`, `455x300pt`."""
    found = re.fullmatch(r"([\d.]+)\s*(mm|cm|in|pt)?\s*[x×]\s*([\d.]+)\s*(mm|cm|in|pt)?",
                         NAMED.get(text.lower().strip(), text.lower().strip())) if isinstance(text, str) else None
    try:
        if found is None:
            raise ValueError
        unit = found[4] or found[2] or "mm"
        width, height = float(found[1]) * UNITS[found[2] or unit], float(found[3]) * UNITS[unit]
    except ValueError:
        raise UsageError(f"`{text}` is no page", "a page is a4, letter, slide, or a width and a height: 120x80mm, 6.5x9in",
                         hint=Advice("for example a4")) from None
    if not SMALLEST_PAGE <= min(width, height) <= max(width, height) <= 200 * 72:
        raise UsageError(f"a page of {text} is too small or too large", "its sides are an inch at least and 200 at most",
                         hint=Advice("for example a4"))
    return Page(text, width, height)


def smallest(svg: str) -> float | None:
    """The size in points of the smallest text of a drawing that stands on a page; None where it has no text."""
    size, view = (re.search(pattern, svg) for pattern in (r'<svg [^>]*?\bwidth="([\d.]+)', r'<svg [^>]*?\bviewBox="\S+ \S+ ([\d.]+)'))
    shrunk = re.search(r'<g id="graph0"[^>]*? scale\(([\d.]+)', svg)
    scale = (float(size[1]) / float(view[1]) if size and view else 1.0) * (float(shrunk[1]) if shrunk else 1.0)
    return min((scale * float(s) for s in re.findall(r'\bfont-size="([\d.]+)', svg)), default=None)


A4 = page("a4")
