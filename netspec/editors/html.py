"""Specs as coloured HTML: for notebooks, and line by line for pages that have a style of their own."""

from __future__ import annotations

from collections.abc import Iterator
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
    spans = (f'<span style="{COLOURS[kind]}">{escape(word)}</span>' if kind else escape(word) for word, kind in _words(text))
    return f'<pre style="line-height:1.35">{"".join(spans)}</pre>'


def marked_lines(text: str) -> list[str]:
    """The lines of a spec as HTML, each word in a span of its class: `w-number`, `w-label`, ..."""
    spans = (f'<span class="w-{kind}">{escape(word)}</span>' if kind else escape(word) for word, kind in _words(text))
    return "".join(spans).split("\n")  # no word that has a kind goes over the end of a line


def _words(text: str) -> Iterator[tuple[str, str]]:
    """All of a text in pieces, each with the kind that has a colour, or none."""
    text = shown(text.replace("\r\n", "\n"), lines=True)
    at = 0
    for m in PATTERN.finditer(text):
        yield text[at : m.start()], ""
        yield m.group(), m.lastgroup if m.lastgroup in COLOURS else ""
        at = m.end()
    yield text[at:], ""
