"""Curves over the epochs of a training, as SVG: each has a colour, and a dash besides where two could be taken for each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from os import PathLike
from typing import Any

from ..drawing.axis import Axis, fitted, written
from ..drawing.lettering import fitted as cut
from ..drawing.lettering import width
from ..drawing.looks import THEMES, Theme, contrast, mixed
from ..drawing.sheet import Sheet, save, theme_of

TONES = ("#332288", "#cc6677", "#117733", "#882255", "#44aa99", "#999933", "#aa4499", "#88ccee", "#ddcc77")  # Paul Tol, "muted"
CONTRAST = 3.0  # of a line to its ground (WCAG 2.2, 1.4.11)
LEFT, RIGHT, TOP, BOTTOM = 56.0, 16.0, 34.0, 40.0
LINE, SMALL, TITLE = 15.0, 9.5, 11.5
DOTS = 60  # epochs of a curve of which each is a dot that says its number
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """A named row of points; what is no finite number breaks the line."""

    name: str
    points: Points
    tone: int = 0  # of TONES
    dashed: bool = False
    quiet: bool = False  # one of many, which the legend does not name


@dataclass(frozen=True)
class Chart:
    """Curves on the same axes. `marks` are epochs with a word, `levels` heights with a word."""

    title: str
    curves: tuple[Curve, ...]
    x: str = "epoch"
    log: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    levels: tuple[tuple[float, str], ...] = ()

    def drawn(self, theme: Theme, tones: Sequence[str], wide: float = 520, high: float = 290) -> str:
        """The chart as SVG text; `tones` are the colours of the lines."""
        named = [c for c in self.curves if not c.quiet and c.points]
        rows = _rows([c.name for c in named], wide - LEFT - RIGHT)
        top = TOP + LINE * len(rows)
        sheet = Sheet(wide, high + LINE * max(0, len(rows) - 1), theme, self.said)
        xs = fitted((p[0] for c in self.curves for p in c.points), LEFT, wide - RIGHT, whole=True)
        heights = [*(p[1] for c in self.curves for p in c.points), *(y for y, _ in self.levels)]
        ys = fitted(heights, sheet.high - BOTTOM, top, self.log, True)
        sheet.text(LEFT, 18, cut(self.title, TITLE, 0.95 * (wide - LEFT - RIGHT)), TITLE, bold=True)
        _legend(sheet, rows, named, tones)
        _grid(sheet, xs, ys, self.x)
        for y, word in self.levels:
            sheet.line([(LEFT, ys.at(y)), (wide - RIGHT, ys.at(y))], theme.quiet, 1.1, "2 3")
            sheet.text(wide - RIGHT, ys.at(y) - 4, word, SMALL, theme.quiet, "end")
        for x, word in self.marks:
            sheet.line([(xs.at(x), top), (xs.at(x), sheet.high - BOTTOM)], theme.quiet, 1.1, "2 3")
            right = xs.at(x) + width(word, SMALL) + 6 > wide - RIGHT
            sheet.text(xs.at(x) + (-4 if right else 4), top + 9, word, SMALL, theme.quiet, "end" if right else "start")
        for c in sorted(self.curves, key=lambda c: not c.quiet):
            _line(sheet, c, xs, ys, theme.frame if c.quiet else tones[c.tone % len(tones)])
        return sheet.svg

    @property
    def said(self) -> str:
        """In words, for who does not see it."""
        ends = [f"{c.name} from {written(p[0][1])} to {written(p[-1][1])}" for c in self.curves
                if (p := [q for q in c.points if isfinite(q[1])]) and not c.quiet]
        return f"{self.title}, by {self.x}: {'; '.join(ends)}" if ends else self.title


def tones(theme: Theme) -> tuple[str, ...]:
    """The colours of lines on the ground of a theme; on both, where nobody knows what is behind them."""
    light, dark = THEMES["light"].page or "", THEMES["dark"].page or ""
    grounds = [theme.page] if theme.page else [light, dark]
    found = []
    for tone in TONES:
        for ground in grounds:
            while contrast(tone, ground) < CONTRAST:
                tone = mixed(tone, "#ffffff" if ground == dark else "#000000", 0.1)
        found.append(tone)
    return tuple(found)


def _rows(names: Sequence[str], room: float) -> list[list[tuple[int, float]]]:
    """The lines of a legend: which names stand in each, and where."""
    rows: list[list[tuple[int, float]]] = []
    at = room
    for k, name in enumerate(names):
        wide = width(name, SMALL) + 40
        if at + wide > room or not rows:
            rows.append([])
            at = 0.0
        rows[-1].append((k, at))
        at += wide
    return rows


def _legend(sheet: Sheet, rows: list[list[tuple[int, float]]], named: Sequence[Curve], tones: Sequence[str]) -> None:
    for r, row in enumerate(rows):
        y = TOP + LINE * r
        for k, x in row:
            c = named[k]
            sheet.line([(LEFT + x, y - 3), (LEFT + x + 22, y - 3)], tones[c.tone % len(tones)], 2, "5 3" if c.dashed else "")
            sheet.text(LEFT + x + 27, y, c.name, SMALL, sheet.theme.quiet)


def _grid(sheet: Sheet, xs: Axis, ys: Axis, name: str) -> None:
    theme = sheet.theme
    for v in ys.ticks:
        sheet.line([(LEFT, ys.at(v)), (xs.end, ys.at(v))], theme.frame, 0.4)
        sheet.text(LEFT - 6, ys.at(v) + 3.5, written(v), SMALL, theme.quiet, "end")
    for v in xs.ticks:
        sheet.text(xs.at(v), ys.start + 15, written(v), SMALL, theme.quiet, "middle")
        sheet.line([(xs.at(v), ys.start), (xs.at(v), ys.start + 4)], theme.line, 0.8)
    sheet.line([(LEFT, ys.end), (LEFT, ys.start), (xs.end, ys.start)], theme.line, 1)
    sheet.text((xs.start + xs.end) / 2, sheet.high - 8, name, SMALL, theme.quiet, "middle")


def _line(sheet: Sheet, c: Curve, xs: Axis, ys: Axis, tone: str) -> None:
    for piece in _pieces(c, ys.log):
        places = [(xs.at(x), ys.at(y)) for x, y in piece]
        if len(places) > 1:
            sheet.line(places, tone, 0.8 if c.quiet else 1.8, "5 3" if c.dashed else "")
        for (x, y), (px, py) in zip(piece, places):
            if len(piece) == 1 or (len(c.points) <= DOTS and not c.quiet):
                said = _said(c.name, x, y)
                sheet.add(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.2" fill="{tone}"><title>{said}</title></circle>')


def _said(name: str, x: float, y: float) -> str:
    from html import escape

    from ...plain import shown

    return escape(shown(f"{name}, {x:g}: {y:.4g}"))


def _pieces(c: Curve, log: bool) -> Iterator[list[tuple[float, float]]]:
    """The parts of a curve between numbers that cannot be drawn."""
    piece: list[tuple[float, float]] = []
    for x, y in c.points:
        if isfinite(y) and (y > 0 or not log):
            piece.append((x, y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


class Plot:
    """Charts below each other, which a notebook shows: `.svg` is their text, `.save("curves.svg")` writes them, as .png or .pdf
    too (extra `viz`)."""

    def __init__(self, charts: Sequence[Chart], theme: str = "light"):
        self.charts, self.theme = tuple(charts), theme_of(theme)

    @property
    def svg(self) -> str:
        theme = self.theme if self.theme.page else replace(self.theme, text=self.theme.label, quiet=self.theme.label)
        drawn = [c.drawn(theme, tones(theme)) for c in self.charts]
        return _stacked(drawn, theme)

    def save(self, path: str | PathLike[str]) -> None:
        """Write them. Errors: another ending than .svg, .png or .pdf; a place that cannot be written."""
        save(self.svg, path, self.theme.page)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Plot of {', '.join(c.title for c in self.charts) or 'nothing'}"


def _stacked(drawn: Sequence[str], theme: Theme) -> str:
    """Several pictures as one."""
    import re

    sizes = [tuple(map(float, re.findall(r'(?:width|height)="([\d.]+)"', text)[:2])) for text in drawn]
    wide, high = max((w for w, _ in sizes), default=200.0), sum(h for _, h in sizes) or 40.0
    sheet, y = Sheet(wide, high, theme, "curves of a training"), 0.0
    for text, (_, h) in zip(drawn, sizes):
        sheet.add(text.replace("<svg ", f'<svg y="{y:.0f}" ', 1).rstrip())
        y += h
    return sheet.svg


def numbers(values: Sequence[Any], epochs: Sequence[int]) -> Points:
    """The points of what was measured in these epochs; what is no number is nan, which breaks a line."""
    return tuple((float(e), float(v) if isinstance(v, int | float) else float("nan")) for e, v in zip(epochs, values))


def curves_of(columns: Mapping[str, Sequence[Any]], epochs: Sequence[int], best: int | None = None) -> list[Chart]:
    """A chart of each number, with that of the validation in it, and of the learning rate."""
    charts = []
    for name in dict.fromkeys(k.removeprefix("val_") for k in columns):
        if name == "seconds":
            continue
        parts = [(name, "training", 0, True), (f"val_{name}", "validation", 1, False)]
        judged = f"val_{name}" in columns
        found = [Curve(word if judged else name, numbers(columns[key], epochs), tone, dashed and judged)
                 for key, word, tone, dashed in parts if key in columns and any(isinstance(v, int | float) for v in columns[key])]
        if found:
            charts.append(Chart({"lr": "learning rate"}.get(name, name), tuple(found), log=wants_log(found),
                                marks=((best, f"best: {best}"),) if best is not None and name != "lr" else ()))
    return charts


def wants_log(curves: Sequence[Curve]) -> bool:
    """Whether numbers are so far apart that their factors are looked at."""
    seen = [y for c in curves for _, y in c.points if isfinite(y)]
    return bool(seen) and min(seen) > 0 and max(seen) / min(seen) > 50


