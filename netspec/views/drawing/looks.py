"""How drawings look: the colours, patterns and themes that all of them share.

The kind of a box is its layer's category. Its tone is one of Paul Tol's "muted" colours (Colour Schemes, SRON/EPS/TN/09-002,
2021), which readers with any colour vision tell apart; where two are alike in grey, their patterns differ. A tone fills what is
small (a strip at the edge of a box, a face of a volume, a mark of a legend); what has text on it is filled with the tint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal, get_args

from ...ir.graph import Input, Node

ThemeName = Literal["light", "dark", "transparent"]
Pattern = Literal["plain", "cross", "falling", "rising", "rows", "dots", "columns", "checks", "bricks", "rings"]


@dataclass(frozen=True)
class Look:
    """What boxes of one kind have in common."""

    tone: str
    pattern: Pattern
    word: str  # in a legend


KINDS: dict[str, Look] = {
    "input": Look("#ffffff", "plain", "input, output"),
    "convolution": Look("#88ccee", "plain", "convolution"),
    "dense": Look("#332288", "cross", "fully connected"),
    "pooling": Look("#117733", "falling", "pooling"),
    "activation": Look("#ddcc77", "rising", "activation"),
    "normalisation": Look("#aa4499", "rows", "normalisation"),
    "merge": Look("#cc6677", "dots", "merge"),
    "move": Look("#bbbbbb", "columns", "moves or scales values"),
    "noise": Look("#882255", "checks", "noise"),
    "block": Look("#44aa99", "bricks", "closed block"),
    "other": Look("#999933", "rings", "other"),
}
MARKS: dict[Pattern, tuple[float, str]] = {  # the side of a tile in points, and what is drawn on it
    "plain": (3, ""),
    "cross": (3.2, "M0 0L3.2 3.2M3.2 0L0 3.2"),
    "falling": (3, "M0 0L3 3M-.75 2.25L.75 3.75M2.25 -.75L3.75 .75"),
    "rising": (3, "M0 3L3 0M-.75 .75L.75 -.75M2.25 3.75L3.75 2.25"),
    "rows": (2.4, "M0 1.2H2.4"),
    "dots": (2.6, "M.8 1.3a.5.5 0 1 0 1 0a.5.5 0 1 0 -1 0"),
    "columns": (2.4, "M1.2 0V2.4"),
    "checks": (3.2, "M0 .8H1.6M1.6 2.4H3.2"),
    "bricks": (4, "M0 0H4M0 2H4M1 0V2M3 2V4"),
    "rings": (4, "M.8 2a1.2 1.2 0 1 0 2.4 0a1.2 1.2 0 1 0 -2.4 0"),
}


def kind_of(node: Node) -> str:
    """The kind of the box of a node: the category of its layer."""
    if isinstance(node.op, Input):
        return "input"
    category = str(getattr(node.op, "category", ""))
    return category if category in KINDS else "other"


@dataclass(frozen=True)
class Theme:
    """The colours of a drawing that do not depend on the kind of a box."""

    name: ThemeName
    page: str | None  # behind everything; None leaves what is there
    text: str  # in a box
    quiet: str  # text in a box that matters less: shapes, counts
    label: str  # text that stands on the page: titles of frames, names of arcs
    line: str  # arcs
    frame: str
    skip: str
    reference: str
    ground: str  # what a tint is the tone mixed with

    def fill(self, kind: str) -> str:
        """The tint of a kind, light enough (or dark enough) for text."""
        return self.ground if kind == "input" else mixed(KINDS[kind].tone, self.ground, 0.72)

    def ink(self, kind: str) -> str:
        """The border of a box of this kind."""
        return self.line if kind == "input" else mixed(KINDS[kind].tone, "#ffffff" if self.name == "dark" else "#000000", 0.3)

    def tone(self, kind: str) -> str:
        return self.ground if kind == "input" else KINDS[kind].tone

    def mark(self, kind: str) -> str:
        """The colour of a pattern on the tone."""
        return "#ffffff" if lightness(self.tone(kind)) < 60 else mixed(self.tone(kind), "#000000", 0.6)

    def paint(self, kind: str) -> str:
        """What to fill with in SVG for tone and pattern; `patterns` defines it."""
        return self.tone(kind) if KINDS[kind].pattern == "plain" else f"url(#kind-{kind})"

    def patterns(self, kinds: Iterable[str]) -> str:
        """The definitions, in SVG, of the patterns of these kinds."""
        return "".join(self._pattern(k) for k in KINDS if k in set(kinds) and KINDS[k].pattern != "plain")

    def _pattern(self, kind: str) -> str:
        side, path = MARKS[KINDS[kind].pattern]
        return (f'<pattern id="kind-{escape(kind)}" width="{side}" height="{side}" patternUnits="userSpaceOnUse">'
                f'<rect width="{side}" height="{side}" fill="{self.tone(kind)}"/>'
                f'<path d="{path}" fill="none" stroke="{self.mark(kind)}" stroke-width="0.7"/></pattern>')


THEMES: dict[str, Theme] = {
    "light": Theme("light", "#ffffff", "#111827", "#3f4a5a", "#374151", "#475569", "#94a3b8", "#1d4ed8", "#64748b", "#ffffff"),
    "dark": Theme("dark", "#0f172a", "#f9fafb", "#cbd5e1", "#cbd5e1", "#94a3b8", "#64748b", "#60a5fa", "#94a3b8", "#0f172a"),
    "transparent": Theme("transparent", None, "#111827", "#3f4a5a", "#6b7785", "#718096", "#8a97a8", "#3b82f6", "#8492a6", "#ffffff"),
}
assert tuple(THEMES) == get_args(ThemeName)


def rgb(colour: str) -> tuple[int, int, int]:
    """#rrggbb as three numbers."""
    red, green, blue = (int(colour[k:k + 2], 16) for k in (1, 3, 5))
    return red, green, blue


def mixed(a: str, b: str, share: float) -> str:
    """Two colours mixed; `share` is how much of b."""
    return "#" + "".join(f"{round(x * (1 - share) + y * share):02x}" for x, y in zip(rgb(a), rgb(b)))


def linear(colour: str) -> list[float]:
    """The light of a colour's red, green and blue, 0 to 1 (sRGB, IEC 61966-2-1)."""
    return [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (v / 255 for v in rgb(colour))]


def luminance(colour: str) -> float:
    return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear(colour)))


def lightness(colour: str) -> float:
    """L* of CIELAB: how light it is as a grey, 0 to 100."""
    y = luminance(colour)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def contrast(a: str, b: str) -> float:
    """The contrast of WCAG 2, 1 to 21; text wants 4.5 at least."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
