"""A training while it goes on, as a piece of HTML below the cell of a notebook: where it is, its curves, its last epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ...plain import shown
from ..drawing.looks import THEMES
from .curves import curves_of, tones

ROWS = 5  # epochs of the table
CHARTS = 4
WIDE, HIGH = 340.0, 220.0  # of a chart: two stand beside each other on a page of documentation
TONE = "#4063d8"  # of the bar: to be seen on white and on black


@dataclass(frozen=True)
class Moment:
    """What is said besides the numbers. `share` is how much is done, of 1; None where it is not known, or all is over."""

    title: str
    said: str
    share: float | None = None
    below: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """In words alone."""
        return "\n".join([f"{self.title}: {self.said}", *self.below])


def live(moment: Moment, charts: str, table: str) -> str:
    """The whole."""
    bar = ("" if moment.share is None else
           '<div style="height:6px;max-width:800px;border-radius:3px;margin:6px 0;background:rgba(127,127,127,.25)">'
           f'<div style="height:6px;border-radius:3px;background:{TONE};width:{100 * moment.share:.1f}%"></div></div>')
    below = "".join(f'<div>{_plain(text)}</div>' for text in moment.below)
    return (f'<div><div style="font-variant-numeric:tabular-nums"><b>{_plain(moment.title)}</b> &#160;{_plain(moment.said)}</div>'
            f"{bar}{below}{charts}{table}</div>")


def charts(columns: Mapping[str, Sequence[Any]], epochs: Sequence[int], best: int | None = None) -> str:
    """The curves of loss and metrics beside each other, as far as there is room; nothing before the first epoch is over."""
    theme = THEMES["light"]
    drawn = [c.drawn(theme, tones(theme), WIDE, HIGH) for c in curves_of(columns, epochs, best) if c.title != "learning rate"]
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin:8px 0">{"".join(drawn[:CHARTS])}</div>' if drawn else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The last epochs."""
    if not rows:
        return ""
    before = f"<div>the last {ROWS} of {len(rows):,} epochs</div>" if len(rows) > ROWS else ""
    return before + numbers(heads, rows[-ROWS:])


def numbers(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows of numbers below their heads."""
    def row(texts: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f'<{tag} style="text-align:right;padding:1px 8px">{_plain(t)}</{tag}>' for t in texts) + "</tr>"

    return (f'<table style="font-variant-numeric:tabular-nums"><thead>{row(heads, "th")}</thead>'
            f"<tbody>{''.join(row(r, 'td') for r in rows)}</tbody></table>")


def _plain(text: str) -> str:
    return escape(shown(text))
