"""Specs as coloured HTML, for notebooks."""

from __future__ import annotations

from html import escape

from ..plain import shown
from .words import PATTERN

COLOURS = {
    "comment": "color:#6a737d;font-style:italic", "text": "color:#0a3069", "reference": "color:#953800",
    "number": "color:#0550ae", "declaration": "color:#cf222e;font-weight:bold",
    "structure": "color:#cf222e", "operator": "color:#57606a", "constant": "color:#0550ae", "option": "color:#6639ba",
    "label": "color:#116329;font-weight:bold",
}


def highlighted(text: str) -> str:
    """A `<pre>` of a spec, colours inline."""
    text = shown(text.replace("\r\n", "\n"), lines=True)
    out, at = [], 0
    for m in PATTERN.finditer(text):
        out.append(escape(text[at : m.start()]))
        style = COLOURS.get(m.lastgroup or "")
        word = escape(m.group())
        out.append(f'<span style="{style}">{word}</span>' if style else word)
        at = m.end()
    return f'<pre style="line-height:1.35">{"".join(out)}{escape(text[at:])}</pre>'
