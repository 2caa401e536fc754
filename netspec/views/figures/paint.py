"""What figures are painted with: each part its colour, apart from the others in lightness as well, and the theme's lines."""

from __future__ import annotations

from dataclasses import dataclass

from ..drawing.looks import KINDS, THEMES, Theme, mixed
from .volumes import Part

CONV, POOL = KINDS["convolution"].tone, KINDS["pooling"].tone
FILL: dict[Part, str] = {
    "input": "#ffffff", "conv": CONV, "copy": "#f4f4f4", "up": KINDS["activation"].tone, "fc": KINDS["dense"].tone, "pool": POOL,
    "move": KINDS["move"].tone, "closed": KINDS["block"].tone, "b1": mixed(CONV, "#ffffff", 0.6), "b3": CONV,
    "b5": mixed(CONV, "#000000", 0.35), "bs": mixed(CONV, "#ffffff", 0.25), "bp": mixed(POOL, "#ffffff", 0.5)}
PATTERN: dict[Part, str] = {"up": "hatch", "copy": "dots", "bp": "dots", "move": "rows", "bs": "rows"}
WORD: dict[Part, str] = {
    "input": "input", "conv": "convolution", "copy": "carried over", "up": "upsampling", "fc": "fully connected",
    "pool": "pooling",
    "move": "rearranged", "closed": "block", "b1": "1×1 branch", "b3": "3×3 branch", "b5": "larger branch",
    "bs": "branch of n×1 and 1×n", "bp": "pool branch"}
ACROSS = "#777777", 1.6  # what is carried over in a U: colour and width
MARKS = {"hatch": "#5b3d00", "dots": "#444444", "rows": "#555555"}


@dataclass(frozen=True)
class Ink:
    """A theme, asked for the colours that a drawing names."""

    theme: Theme

    @property
    def page(self) -> str | None:
        return self.theme.page

    def __call__(self, colour: str) -> str:
        named = {"text": self.theme.text, "quiet": self.theme.quiet, "label": self.theme.label, "line": self.theme.text,
                 "arc": self.theme.line, "page": self.theme.ground, "edge": THEMES["light"].text}
        return named.get(colour, colour)

    def mark(self, pattern: str) -> str:
        return MARKS[pattern]

    def pattern(self, name: str) -> str:
        tile = {"hatch": ('width="3" height="3" patternTransform="rotate(45)"',
                          f'<path d="M0,0V3" stroke="{MARKS[name]}" stroke-width="0.7"/>'),
                "dots": ('width="2.6" height="2.6"', f'<circle cx="1.3" cy="1.3" r="0.5" fill="{MARKS[name]}"/>'),
                "rows": ('width="3" height="2.2"', f'<path d="M0,1.1H3" stroke="{MARKS[name]}" stroke-width="0.5"/>')}[name]
        return f'<pattern id="{name}" patternUnits="userSpaceOnUse" {tile[0]}>{tile[1]}</pattern>'


def ink(theme: str = "light") -> Ink:
    return Ink(THEMES[theme])
