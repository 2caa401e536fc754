"""Pieces of a drawing: parts of a scene that Graphviz lays out each by itself, as SVG with the places of their boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape as html_escape
from html import unescape

from ..dot import Flow, Pull, dot_of
from ..lettering import FAMILY, width
from ..looks import KINDS, Theme
from ..rendering import laid_out
from ..scene import SIZE, SMALL, STRIP, Arc, Box, Scene
from .arrivals import edges, spread
from .frames import BORDER, INSET, halves, rounded, settled
from .obstacles import Line, Obstacles, Rect

CORNER = 5  # of a box


@dataclass(frozen=True)
class Piece:
    """SVG elements whose coordinates begin at 0, 0; and where things are in it. `crossed` titles stand on arcs; `left` are arcs
    that are not drawn yet."""

    body: str
    width: float
    height: float
    boxes: dict[str, Rect]
    frames: Sequence[Rect]
    titles: Sequence[Rect]
    lines: Sequence[tuple[Line, tuple[str, str, str]]]
    crossed: int
    left: Sequence[Arc]


def piece(scene: Scene, theme: Theme, flow: Flow, number: int, roomy: bool = False, beside: bool = False,
          ends: frozenset[str] = frozenset()) -> Piece:
    """A part of a scene, laid out. `number` keeps its ids apart from those of others; a roomy one has frames wide enough for
    their titles to stand beside the arcs. What is sized may stand `beside` what it has its size from. `ends` are boxes that arcs
    will lead to and from which are drawn later."""
    beside = beside or flow in ("BT", "RL")
    left = () if beside else _around(scene)
    bare = scene if beside else replace(scene, arcs=tuple(replace(a, label="") for a in scene.arcs if a not in left))
    pulls: tuple[Pull, ...] = ("even", "main", "none") if scene.careful else ("even",)
    pull, text = min(((pull, laid_out(dot_of(bare, theme, flow, pull, beside))) for pull in pulls),
                     key=lambda t: _size(t[1])[flow in ("LR", "RL")])
    read = _Read(text, scene, theme, beside, ends)
    if roomy and read.framed.crossed:
        wider = {k: 2 * (max(width(t, SMALL) for t in halves(title)) + INSET + 4) for k, title in read.framed.crossed.items()}
        again = _Read(laid_out(dot_of(bare, theme, flow, pull, beside, wider)), scene, theme, beside, ends)
        read = again if len(again.framed.crossed) < len(read.framed.crossed) else read
    return read.piece(number, left)


def _around(scene: Scene) -> tuple[Arc, ...]:
    """References from what lies before a box on its own way anyhow: they say nothing of where it stands, and are led around all
    the others."""
    before: dict[str, set[str]] = {}
    for a in scene.arcs:
        before.setdefault(a.target, set())
    for box in scene.boxes:
        for a in scene.arcs:
            if a.target == box.name and a.kind != "reference":
                before[box.name] |= {a.source, *before.get(a.source, ())}
    return tuple(a for a in scene.arcs if a.kind == "reference" and a.source in before[a.target])


class _Read:
    """What Graphviz has laid out, read and finished."""

    def __init__(self, text: str, scene: Scene, theme: Theme, beside: bool, ends: frozenset[str]):
        self.size = _size(text)
        move = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", text)
        assert move is not None
        self.dx, self.dy = float(move[1]), float(move[2])
        body = text[text.index(">", text.index('<g id="graph0"')) + 1:text.rindex("</g>")]
        body = re.sub(r"^\s*<title>.*?</title>\s*", "", body, flags=re.DOTALL)
        body = re.sub(r'^<polygon [^>]*points="-?[\d.]+,[\d.]+ [^>]*/>\s*', "", body)  # the background
        self.boxes: dict[str, Rect] = {}
        known = {b.name: b for b in scene.boxes}

        def finished(m: re.Match[str]) -> str:
            name = unescape(re.search(r"<title>(.*?)</title>", m[0], re.DOTALL)[1])  # type: ignore[index]
            self.boxes[name] = _bounds(m[0])
            return _set(m[0], known[name], self.boxes[name], theme)

        body = re.sub(r'<g id="node\d+" class="node">.*?\n</g>', finished, body, flags=re.DOTALL)
        if beside:  # there `dot` writes references the other way round
            body = re.sub(r'(class="edge reference">\s*<title>)(.*?)(&#45;&gt;)(.*?)(</title>)', r"\1\4\3\2\5", body)
            body = re.sub(r'(<g id="edge\d+"(?:(?!</g>).)*?)<text.*?</text>\n?', r"\1", body, flags=re.DOTALL)
        body = spread(body, self.boxes, {b.name for b in scene.boxes if b.sign})
        self.lines = [(line, (e.source, e.target, e.kind)) for e in edges(body) for line in e.lines()]
        clusters = [(int(m[1]), m[0], _bounds(m[0])) for m in BORDER.finditer(body)]
        coming = [line for name in sorted(ends) for r in [self.boxes[name]] for x in [r.middle[0]]
                  for line in (((x, -self.dy), (x, r.y0)), ((x, r.y1), (x, self.size[1] - self.dy)))]
        self.framed = settled(clusters, self.boxes.values(), [*(line for line, _ in self.lines), *coming], theme)
        self.body = BORDER.sub("", body) + self.framed.body
        self.label(scene, theme)

    def label(self, scene: Scene, theme: Theme) -> None:
        """Words beside arcs, where there is room. `dot` leaves some for what stands beside what it has its size from; elsewhere
        the whole drawing would be longer for them."""
        there = Obstacles(self.boxes, self.framed.frames, self.framed.titles, self.lines)
        for arc in scene.arcs:
            way = [line for line, of in self.lines if of == (arc.source, arc.target, arc.kind)] if arc.label else []
            if way:
                spot = there.beside([way[0][0], *(end for _, end in way)], width(arc.label, SMALL), SMALL,
                                    room=(2 - self.dx, self.size[0] - self.dx - 2))
                title = f"<title>{html_escape(arc.source)}&#45;&gt;{html_escape(arc.target)}</title>"
                at = self.body.index("</g>", self.body.index(title))
                self.body = self.body[:at] + label(arc.label, spot, theme) + self.body[at:]

    def piece(self, number: int, left: Sequence[Arc]) -> Piece:
        body = re.sub(r'<g id="((?:node|edge|clust)\d+)"', rf'<g id="p{number}\1"' if number else r'<g id="\1"', self.body)
        body = re.sub(r'(<text (?![^>]*textLength)[^>]*?)font-family="[^"]*"([^>]*)>([^<]*)<', _fitted, body)
        dx, dy = self.dx, self.dy
        lines = [(((a + dx, b + dy), (c + dx, d + dy)), of) for ((a, b), (c, d)), of in self.lines]
        return Piece(f'<g transform="translate({dx:.2f} {dy:.2f})">{body}</g>\n', *self.size,
                     {name: r.moved(dx, dy) for name, r in self.boxes.items()}, [r.moved(dx, dy) for r in self.framed.frames],
                     [r.moved(dx, dy) for r in self.framed.titles], lines, len(self.framed.crossed), left)


def label(text: str, spot: Rect, theme: Theme) -> str:
    """A word beside an arc."""
    return (f'<text x="{spot.x0:.2f}" y="{spot.y1 - 0.15 * SMALL:.2f}" font-family="{FAMILY}" font-size="{SMALL:.2f}" '
            f'fill="{theme.label}" textLength="{width(text, SMALL):.2f}" lengthAdjust="spacingAndGlyphs">{html_escape(text)}</text>\n')


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
    return f'{m[1]}d="{rounded(_bounds(m[0]), CORNER)}"'


def _fitted(m: re.Match[str]) -> str:
    """A text with the font's names and its width, which it has whatever font a viewer has."""
    before, after, text = m.groups()
    size = re.search(r'font-size="([\d.]+)"', before + after)
    wide = width(unescape(text), float(size[1]) if size else 14, 'font-weight="bold"' in before)
    fit = f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs"' if text.strip() else ""
    return f'{before}font-family="{FAMILY}"{after}{fit}>{text}<'
