"""Pieces of a drawing: parts of a scene that Graphviz lays out each by itself, as SVG with the places of their boxes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape as html_escape
from html import unescape

from .dot import Flow, Pull, dot_of
from .lettering import FAMILY, width
from .looks import KINDS, Theme
from .rendering import laid_out
from .scene import SIZE, SMALL, STRIP, Box, Scene

CORNER = 5  # of a box


@dataclass(frozen=True)
class Rect:
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def middle(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def moved(self, x: float, y: float) -> Rect:
        return Rect(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)


@dataclass(frozen=True)
class Piece:
    """SVG elements whose coordinates begin at 0, 0; and where the boxes are in it."""

    body: str
    width: float
    height: float
    boxes: dict[str, Rect]


def piece(scene: Scene, theme: Theme, flow: Flow, number: int) -> Piece:
    """A part of a scene, laid out. `number` keeps its ids apart from those of others."""
    pulls: tuple[Pull, ...] = ("even", "main", "none") if scene.careful else ("even",)
    text = min((laid_out(dot_of(scene, theme, flow, pull)) for pull in pulls), key=lambda t: _size(t)[flow in ("LR", "RL")])
    wide, high = _size(text)
    move = re.search(r'translate\(([-\d.]+) ([-\d.]+)\)', text)
    assert move is not None
    dx, dy = float(move[1]), float(move[2])
    start = text.index(">", text.index('<g id="graph0"')) + 1
    body = text[start:text.rindex("</g>")]
    body = re.sub(r"^\s*<title>.*?</title>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'^<polygon [^>]*points="-?[\d.]+,[\d.]+ [^>]*/>\s*', "", body)  # the background
    boxes, known = {}, {b.name: b for b in scene.boxes}

    def finished(m: re.Match[str]) -> str:
        name = unescape(re.search(r"<title>(.*?)</title>", m[0], re.DOTALL)[1])  # type: ignore[index]
        own = _bounds(m[0])
        boxes[name] = own.moved(dx, dy)
        return _set(m[0], known[name], own, theme)

    body = re.sub(r'<g id="node\d+" class="node">.*?\n</g>', finished, body, flags=re.DOTALL)
    if flow in ("BT", "RL"):  # there `dot` writes references the other way round
        body = re.sub(r'(class="edge reference">\s*<title>)(.*?)(&#45;&gt;)(.*?)(</title>)', r"\1\4\3\2\5", body)
    body = re.sub(r'<g id="((?:node|edge|clust)\d+)"', rf'<g id="p{number}\1"' if number else r'<g id="\1"', body)
    body = re.sub(r'(<text [^>]*?)font-family="[^"]*"([^>]*)>([^<]*)<', _fitted, body)
    return Piece(f'<g transform="translate({dx:.2f} {dy:.2f})">{body}</g>\n', wide, high, boxes)


def _size(text: str) -> tuple[float, float]:
    found = re.search(r'viewBox="([\d. -]+)"', text)
    assert found is not None
    _, _, wide, high = map(float, found[1].split())
    return wide, high


def _bounds(shape: str) -> Rect:
    """Of a box's outline."""
    if ellipse := re.search(r'<ellipse[^>]*cx="([-\d.]+)" cy="([-\d.]+)" rx="([\d.]+)" ry="([\d.]+)"', shape):
        x, y, rx, ry = map(float, ellipse.groups())
        return Rect(x - rx, y - ry, x + rx, y + ry)
    pairs = re.findall(r"(-?[\d.]+),(-?[\d.]+)", "".join(re.findall(r' (?:d|points)="([^"]*)"', shape)))
    xs, ys = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    return Rect(min(xs), min(ys), max(xs), max(ys))


def _set(text: str, box: Box, own: Rect, theme: Theme) -> str:
    """A box with its strip, its first line in bold, its last one small and quiet; lines stand where their sizes put them."""
    lines = re.findall(r"<text.*?</text>", text)
    if box.sign or not lines:
        return text
    text = re.sub(r'(<path [^>]*? )d="([^"]*)"', _rounded, text)
    inset = 4.0 if box.times > 1 else 0.0  # within the second border
    middle = (own.x0 + own.x1 + (0 if box.plain else STRIP)) / 2
    sizes = [SMALL if k and k == len(lines) - 1 else SIZE for k in range(len(lines))]
    y = (own.y0 + own.y1) / 2 - 1.2 * sum(sizes) / 2
    for k, (line, size) in enumerate(zip(lines, sizes)):
        y += 1.2 * size
        new = re.sub(r' x="[^"]*" y="[^"]*"', f' x="{middle:.2f}" y="{y - 0.31 * size:.2f}"', line)
        new = re.sub(r'font-size="[\d.]+"', f'font-size="{size:.2f}"', new)
        if k == 0 and len(lines) > 1:
            new = new.replace("<text ", '<text font-weight="bold" ', 1)
        if size == SMALL:
            new = re.sub(r' fill="[^"]*"', "", new).replace("<text ", f'<text fill="{theme.quiet}" ', 1)
        text = text.replace(line, new, 1)
    if box.plain:
        return text
    strip = (f'<rect x="{own.x0 + inset + 2:.2f}" y="{own.y0 + inset + 2:.2f}" width="{STRIP - 2}" rx="2" '
             f'height="{own.y1 - own.y0 - 2 * inset - 4:.2f}" fill="{html_escape(theme.paint(box.kind))}" '
             f'stroke="{theme.ink(box.kind)}" stroke-width="0.5"/>\n')
    return text.replace("<text ", strip + "<text ", 1) if KINDS[box.kind] else text


def _rounded(m: re.Match[str]) -> str:
    """An outline with small round corners: text and strip come close to them."""
    r = _bounds(m[0])
    c = min(CORNER, (r.y1 - r.y0) / 2)
    x, y = (r.x0, r.x0 + c, r.x1 - c, r.x1), (r.y0, r.y0 + c, r.y1 - c, r.y1)

    def point(i: int, j: int) -> str:
        return f"{x[i]:.2f},{y[j]:.2f}"

    d = (f"M{point(1, 0)}L{point(2, 0)}Q{point(3, 0)} {point(3, 1)}L{point(3, 2)}Q{point(3, 3)} {point(2, 3)}"
         f"L{point(1, 3)}Q{point(0, 3)} {point(0, 2)}L{point(0, 1)}Q{point(0, 0)} {point(1, 0)}Z")
    return f'{m[1]}d="{d}"'


def _fitted(m: re.Match[str]) -> str:
    """A text with the font's names and its width, which it has whatever font a viewer has."""
    before, after, text = m.groups()
    size = re.search(r'font-size="([\d.]+)"', before + after)
    wide = width(unescape(text), float(size[1]) if size else 14, 'font-weight="bold"' in before)
    fit = f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs"' if text.strip() else ""
    return f'{before}font-family="{FAMILY}"{after}{fit}>{text}<'
