"""A drawing as SVG text."""

from __future__ import annotations

from html import escape

from ...plain import shown
from ..drawing.lettering import FAMILY, width
from .canvas import Canvas, Dot, Group, Path, Text
from .paint import Ink

PAD = 4


def svg(canvas: Canvas, ink: Ink, title: str) -> str:
    """The drawing, at its size in points or on its page, with a title for those who cannot see it."""
    left, top, right, bottom = canvas.sheet(PAD)
    wide, high = right - left, bottom - top
    used = sorted({i.pattern for i in canvas.items if isinstance(i, Path) and i.pattern})
    body = []
    if ink.page is not None:
        body.append(f'<rect x="{left:.2f}" y="{top:.2f}" width="{wide:.2f}" height="{high:.2f}" fill="{ink.page}"/>')
    body += [_item(i, ink) for i in canvas.items]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.1f}pt" height="{high:.1f}pt" '
            f'viewBox="{left:.2f} {top:.2f} {wide:.2f} {high:.2f}" font-family="{FAMILY}" role="img">\n'
            f'<title>{_text(title)}</title>\n'
            f'<defs>{"".join(ink.pattern(p) for p in used)}</defs>\n' + "\n".join(body) + "\n</svg>\n")


def _item(item: Path | Dot | Text | Group, ink: Ink) -> str:
    if isinstance(item, Group):
        return "</g>" if item.title is None else f'<g class="{escape(item.kind)}"><title>{_text(item.title)}</title>'
    if isinstance(item, Dot):
        return f'<circle cx="{item.at[0]:.2f}" cy="{item.at[1]:.2f}" r="{_n(item.radius)}" fill="{ink(item.fill)}"/>'
    if isinstance(item, Path):
        return _path(item, ink)
    wide = width(item.text, item.size, item.bold)
    fit = f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs"' if item.text.strip() else ""
    x, y = f"{item.x:.2f}", f"{item.y:.2f}"
    place = f'x="{x}" y="{y}"' if item.upright else f'transform="translate({x},{y}) rotate(-90)"'
    return (f'<text {place} font-size="{_n(item.size)}" text-anchor="{item.anchor}" fill="{ink(item.fill)}"'
            + ' font-style="italic"' * item.italic + ' font-weight="bold"' * item.bold + f"{fit}>{_text(item.text)}</text>")


def _path(p: Path, ink: Ink) -> str:
    at = [f"{x:.2f},{y:.2f}" for x, y in p.points]
    d = f"M{at[0]}C{at[1]} {at[2]} {at[3]}" if p.curve else "M" + "L".join(at) + ("Z" if p.closed else "")
    look = f'fill="{"none" if p.fill is None else ink(p.fill)}"' + (f' fill-opacity="{p.opacity}"' if p.opacity < 1 else "")
    line = "" if p.stroke is None else f' stroke="{ink(p.stroke)}" stroke-width="{_n(p.width)}" stroke-linejoin="round"'
    dash = f' stroke-dasharray="{" ".join(map(_n, p.dash))}"' if p.dash else ""
    again = f'<path d="{d}" fill="url(#{p.pattern})"/>' if p.pattern else ""
    return f'<path d="{d}" {look}{line}{dash}/>{again}'


def _n(x: float) -> str:
    return str(round(x, 4))


def _text(text: str) -> str:
    return escape(shown(text, lines=True))
