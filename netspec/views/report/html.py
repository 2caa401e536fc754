"""Pieces of a page: tables, pictures with their words, charts in the colours of whoever looks at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from math import isfinite
from typing import Any

from ...plain import shown
from ..drawing.looks import THEMES, mixed
from .curves import TONES, Chart, tones
from .story import Shot

LIGHT, DARK = THEMES["light"], THEMES["dark"]
COLOURS = {"paper": "page", "ink": "text", "soft": "quiet", "line": "line", "frame": "frame", "skip": "skip"}
INK = replace(LIGHT, name="transparent", page=None, text="var(--ink)", quiet="var(--soft)", label="var(--soft)",
              line="var(--line)",
              frame="var(--frame)")  # a theme whose colours the page decides
LINES = tuple(f"var(--tone{k})" for k in range(len(TONES)))
HEATS = 10  # shades of a table's cells


def text(x: Any) -> str:
    """Any text as HTML, its control characters visible."""
    return escape(shown(str(x)))


def number(x: Any, digits: int = 4) -> str:
    """As a table has it."""
    if isinstance(x, bool) or x is None:
        return "" if x is None else str(x)
    if isinstance(x, int):
        return f"{x:,}"
    if not isinstance(x, float):
        return text(x)
    return f"{x:.{digits}g}".replace("e-0", "e-") if isfinite(x) else "none"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", kind: str = "",
          texts: Sequence[str] = ()) -> str:
    """Cells are HTML; the first of a row names it. Text stands at the left, numbers at the right."""
    sides = [" class=text" if k == 0 or h in texts else "" for k, h in enumerate(head)]
    top = "".join(f'<th scope="col"{side}>{h}</th>' for side, h in zip(sides, head))
    body = "".join(f'<tr><th scope="row">{r[0]}</th>' + "".join(f"<td{side}>{c}</td>" for side, c in zip(sides[1:], r[1:])) + "</tr>"
                   for r in rows)
    said = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table{f" class={kind}" if kind else ""}>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def chart(c: Chart) -> str:
    return f"<figure>{c.drawn(INK, LINES)}</figure>"


def shots(found: Sequence[Shot]) -> str:
    """Small pictures, with their words below them."""
    items = []
    for s in found:
        lines = [text(line) for line in s.said.split("\n")]
        picture = f'<img src="{escape(s.source)}" alt="{"; ".join(lines)}">' if s.source else ""
        items.append(f"<li><figure>{picture}<figcaption>{'<br>'.join(lines)}</figcaption></figure></li>")
    return f'<ul class="shots">{"".join(items)}</ul>'


def terms(pairs: Iterable[tuple[str, Any]]) -> str:
    """Names and what they are; what is empty is left out."""
    return "<dl>" + "".join(f"<dt>{text(k)}</dt><dd>{text(number(v) if isinstance(v, int | float) else v)}</dd>" for k,
                            v in pairs if v not in ("", None, [])) + "</dl>"


def spark(points: Sequence[tuple[float, float]], log: bool = True) -> str:
    """A curve as high as a line of text."""
    from ..drawing.axis import fitted

    seen = [(x, y) for x, y in points if isfinite(y) and (y > 0 or not log)]
    if len(seen) < 2:
        return ""
    xs, ys = fitted((x for x, _ in seen), 2, 108, whole=True), fitted((y for _, y in seen), 20, 2, log)
    path = "L".join(f"{xs.at(x):.1f} {ys.at(y):.1f}" for x, y in seen)
    return f'<svg class="spark" viewBox="0 0 110 22" aria-hidden="true"><path d="M{path}" fill="none" stroke="{LINES[0]}" stroke-width="1.5"/></svg>'


def colours() -> str:
    """The page's own names of colours."""
    lines = [f"  --{name}: light-dark({getattr(LIGHT, of)}, {getattr(DARK, of)});" for name, of in COLOURS.items()]
    lines.append(f"  --raised: light-dark({mixed('#ffffff', '#0f172a', 0.035)}, {mixed('#0f172a', '#ffffff', 0.06)});")
    return "\n".join([*lines, *(f"  --tone{k}: light-dark({a}, {b});" for k,
                                (a, b) in enumerate(zip(tones(LIGHT), tones(DARK))))])


def heat() -> str:
    """The shades of cells, from nothing to all."""
    tone, ground = "#3b82f6", DARK.page or "#0f172a"
    return "\n".join(f".h{k} {{ background: light-dark({mixed('#ffffff', tone, 0.62 * k / (HEATS - 1))}, {mixed(ground, tone, 0.6 * k / (HEATS - 1))}); }}"
                     for k in range(HEATS))
