"""The lettering of drawings: one font, in whose widths they are laid out.

Arimo has the widths of Helvetica, Arial and Liberation Sans. So where a viewer has any of these, a text is as wide as the room
that was left for it, and elsewhere it is told to be; a PNG is set in Arimo itself. fonts/ has its Latin part (SIL Open Font
License).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FAMILY = "Helvetica, Arial, Liberation Sans, Arimo, sans-serif"
LAID_OUT = "Helvetica"  # the name under which Graphviz knows these widths, those of the regular face
FONTS = Path(__file__).parent / "fonts"
EM = 1000
NUMBER = re.compile(r"(?<![^\s=(,…])-?\d(?:[\d.,x×]*\d)?(?:e[-+]?\d+)?")  # also several: 3x3, 64×56×56


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of text is, in points."""
    return _length(text, bold) * size / EM


def fitted(text: str, size: float, most: float, bold: bool = False) -> str:
    """A line of text that is at most so wide, in points, its end left out where it is longer. A number is left out as a whole:
    a part of it would be another one."""
    if width(text, size, bold) <= most:
        return text
    end = max(bisect_right(range(len(text)), most, key=lambda k: width(text[:k] + "…", size, bold)) - 1, 0)
    number = next((m for m in NUMBER.finditer(text) if m.start() < end < m.end()), None)
    return text[:number.start() if number else end].rstrip() + "…"


def fitted_end(text: str, size: float, most: float, bold: bool = False) -> str:
    """The same with its beginning left out: of paths, which differ at their end."""
    return fitted(text[::-1], size, most, bold)[::-1]  # a line is as wide backwards


def wrapped(text: str, size: float, most: float, bold: bool = False) -> list[str]:
    """A text in lines that are at most so wide, in points: broken between words, and a longer word within itself."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(f"{lines[-1]} {word}", size, bold) <= most:
            lines[-1] += f" {word}"
            continue
        while width(word, size, bold) > most and len(word) > 1:
            cut = next(k for k in range(len(word) - 1, 0, -1) if k == 1 or width(word[:k], size, bold) <= most)
            lines.append(word[:cut])
            word = word[cut:]
        lines.append(word)
    return lines or [""]


@lru_cache(maxsize=4096)
def _length(text: str, bold: bool) -> float:
    """Of a line of text, in thousandths of its size."""
    return float(_face(bold).getlength(text))


@cache
def _face(bold: bool) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(FONTS / f"Arimo-{'Bold' if bold else 'Regular'}.ttf"), EM, layout_engine=ImageFont.Layout.BASIC)
