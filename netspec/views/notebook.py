"""A network as a notebook shows it: its drawing, its table and its text, in tabs that need no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from itertools import count

_numbers = count(1)  # of what this process has shown: two cells of a page must not share a name


def tabs(parts: Sequence[tuple[str, str]], name: str = "netspec") -> str:
    """Titled pieces of HTML, of which one is seen at a time. Radio buttons remember which, and a rule of CSS shows it; where
    styles are taken out of a page, all are seen, one below the other."""
    own = f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{next(_numbers)}"
    style, heads, bodies = [], [], []
    for k, (title, body) in enumerate(parts):
        one = f"{own}-{k}"
        style.append(f"#{one}:checked~.{own}-bodies>#{one}-body{{display:block}}"
                     f"#{one}:checked~.{own}-heads>label[for={one}]{{border-color:currentColor;font-weight:bold}}"
                     f"#{one}:focus-visible~.{own}-heads>label[for={one}]{{outline:2px solid}}")
        heads.append(f'<input type="radio" name="{own}" id="{one}"{" checked" if k == 0 else ""} '
                     'style="position:absolute;opacity:0;pointer-events:none">')
        bodies.append((f'<label for="{one}" style="cursor:pointer;padding:2px 10px;border-bottom:2px solid transparent">'
                       f'{escape(title)}</label>', f'<div id="{one}-body">{_named(body, one)}</div>'))
    return (f'<div class="{own}"><style>.{own}-bodies>div{{display:none}}{"".join(style)}</style>{"".join(heads)}'
            f'<div class="{own}-heads" style="margin-bottom:8px">{"".join(label for label, _ in bodies)}</div>'
            f'<div class="{own}-bodies">{"".join(body for _, body in bodies)}</div></div>')


def _named(body: str, prefix: str) -> str:
    """The same with the names inside it made its own: patterns and parts of several drawings stand on one page."""
    body = re.sub(r'(<[^>]* id=")([^"]*)"', rf'\1{prefix}-\2"', body)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", body)
