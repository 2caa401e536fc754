"""The pictures of a search: parallel coordinates, where each trial is a line through its values; and for each value a chart of
what it came to. The better a trial, the stronger its colour; whatever was dropped stands at the edge, as it has no number."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ....plain import shown
from ...drawing.axis import Axis, fitted, written
from ...drawing.lettering import fitted as cut
from ...drawing.looks import Theme
from ...drawing.sheet import Sheet
from .trials import Ranged, Searched, Tried

SMALL, TITLE = 9.5, 11.5
PAPER = "var(--paper)"  # of a page that decides its colours
SHADES = 8  # colours from the worst to the best
Tones = Sequence[str]


def shade(searched: Searched, t: Tried, tones: Tones) -> str:
    """The colour of a trial by its place among those that have a number."""
    order = searched.judged
    return tones[-1 - order.index(t) * (len(tones) - 1) // max(1, len(order) - 1)] if t in order else tones[0]


def said(searched: Searched, t: Tried) -> str:
    """A trial in words."""
    values = ", ".join(f"{k}={v}" for k, v in t.values.items())
    came = f"{searched.number} {t.value:.4g}" if t.judged and t.value is not None else f"{t.state}: {t.why}"
    return escape(shown(f"trial {t.number}: {came}, {values}"))


def parallel(searched: Searched, theme: Theme, tones: Tones, wide: float = 1080, high: float = 400) -> str:
    """Each trial a line, from value to value, to its number."""
    sheet = Sheet(wide, high, theme, f"parallel coordinates: the values of {len(searched.trials)} trials and their {searched.number}")
    left, right, top, bottom = 70.0, 80.0, 54.0, 34.0
    places = [left + (wide - left - right) * k / max(1, len(searched.ranges)) for k in range(len(searched.ranges) + 1)]
    ends = high - bottom, top
    numbers = _numbers(searched, *ends)
    for t in reversed(searched.trials):
        points = [(x, _place(r, t, *ends)) for x, r in zip(places, searched.ranges)]
        if any(y is None for _, y in points):
            continue
        last = numbers.at(t.value) if t.judged and t.value is not None else top - 16
        line = [*((x, y) for x, y in points if y is not None), (places[-1], last)]
        thick, dash = 3 if t is searched.best else 1.3, "none" if t.judged else "3 3"
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in line)
        sheet.add(f'<path d="{path}" fill="none" stroke="{shade(searched, t, tones)}" stroke-width="{thick}" stroke-dasharray="{dash}" '
                  f'stroke-linejoin="round"><title>{said(searched, t)}</title></path>')
    for x, r in zip(places, searched.ranges):
        _upright(sheet, x, r.name, _ticks(r, *ends), ends)
    _upright(sheet, places[-1], searched.number, [(numbers.at(v), written(v)) for v in numbers.ticks], ends, after=True)
    if len(searched.judged) < len(searched.trials):
        sheet.text(places[-1] + 8, top - 13, "dropped", SMALL, theme.quiet)
    return sheet.svg


def scatter(searched: Searched, r: Ranged, theme: Theme, tones: Tones, wide: float = 520, high: float = 300) -> str:
    """What the trials came to against one of their values."""
    sheet = Sheet(wide, high, theme, f"{searched.number} against {r.name}")
    left, right, top, bottom = 58.0, 18.0, 40.0, 40.0
    ends = high - bottom, top
    ys = _numbers(searched, *ends)
    sheet.text(left, 18, cut(f"{searched.number} against {r.name}", TITLE, wide - left - right - 130), TITLE, bold=True)
    for v in ys.ticks:
        sheet.line([(left, ys.at(v)), (wide - right, ys.at(v))], theme.frame, 0.4)
        sheet.text(left - 6, ys.at(v) + 3.5, written(v), SMALL, theme.quiet, "end")
    sheet.line([(left, top), (left, ends[0]), (wide - right, ends[0])], theme.line, 1)
    room = (wide - left - right) / max(1, len(r.choices)) - 6
    for at, word in _ticks(r, left + 10, wide - right - 10):
        sheet.line([(at, ends[0]), (at, ends[0] + 4)], theme.line, 0.8)
        sheet.text(at, ends[0] + 15, cut(word, SMALL, room) if r.choices else word, SMALL, theme.quiet, "middle")
    sheet.text((left + wide - right) / 2, high - 8, r.name + (" (log)" if r.log else ""), SMALL, theme.quiet, "middle")
    for t in reversed(searched.trials):
        x = _place(r, t, left + 10, wide - right - 10)
        if x is not None:  # those of one choice stand beside each other
            _dot(sheet, searched, t, x + (0.618 * t.number % 1 - 0.5) * min(60.0, room / 2) * bool(r.choices), ys, tones)
    words = [*(["○ stopped early"] if any(t.state == "stopped" for t in searched.trials) else []),
             *(["× dropped"] if len(searched.judged) < len(searched.trials) else [])]
    sheet.text(wide - right, 18, "   ".join(words), SMALL, theme.quiet, "end")
    return sheet.svg


def _dot(sheet: Sheet, searched: Searched, t: Tried, x: float, ys: Axis, tones: Tones) -> None:
    word = f"<title>{said(searched, t)}</title>"
    if not t.judged or t.value is None:
        y = ys.end - 6
        sheet.add(f'<path d="M{x - 3:.1f} {y - 3:.1f}L{x + 3:.1f} {y + 3:.1f}M{x + 3:.1f} {y - 3:.1f}L{x - 3:.1f} {y + 3:.1f}" '
                  f'stroke="{sheet.theme.quiet}" stroke-width="1.4">{word}</path>')
        return
    tone, y = shade(searched, t, tones), ys.at(t.value)
    if t is searched.best:
        sheet.circle(x, y, 8, sheet.theme.text, thick=1.6)
    early = t.state == "stopped"
    sheet.add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3.4 if early else 4}" fill="{"transparent" if early else tone}" stroke="{tone}" '
              f'stroke-width="1.4">{word}</circle>')


def _numbers(searched: Searched, start: float, end: float) -> Axis:
    """The axis of what the trials came to."""
    values = [t.value for t in searched.judged if t.value is not None]
    log = bool(values) and min(values) > 0 and max(values) / min(values) > 20
    return fitted(values, start, end, log)


def _place(r: Ranged, t: Tried, start: float, end: float) -> float | None:
    share = r.share(str(t.values.get(r.name, "")))
    return None if share is None else start + share * (end - start)


def _ticks(r: Ranged, start: float, end: float) -> list[tuple[float, str]]:
    """Places on the axis of a value, and what stands beside them."""
    if r.choices:
        return [(start + (k + 0.5) / len(r.choices) * (end - start), c) for k, c in enumerate(r.choices)]
    axis = Axis(r.low, r.high, start, end, r.log)
    return [(axis.at(v), written(v)) for v in axis.ticks if axis.holds(v) or r.log]


def _upright(sheet: Sheet, x: float, name: str, ticks: Sequence[tuple[float, str]], ends: tuple[float, float],
             after: bool = False) -> None:
    """An axis of parallel coordinates, its numbers before it or after it."""
    sheet.line([(x, ends[0]), (x, ends[1])], sheet.theme.line, 1.2)
    sheet.text(x, 22, cut(name, TITLE, 150), TITLE, anchor="middle", bold=True)
    sheet.add(f'<g paint-order="stroke" stroke="{sheet.theme.page or PAPER}" stroke-width="3" stroke-linejoin="round">')
    for y, word in ticks:
        sheet.text(x + (8 if after else -8), y + 3.5, cut(word, SMALL, 60), SMALL, sheet.theme.text, "start" if after else "end")
    sheet.add("</g>")
    for y, _ in ticks:
        sheet.line([(x - 4, y), (x + 4, y)], sheet.theme.line, 0.8)
