"""The page of a search: one file of HTML without programs, as that of a run is."""

from __future__ import annotations

from ...drawing.looks import THEMES, mixed
from ..html import INK, number, table, text
from ..shell import shell
from .drawn import SHADES, parallel, scatter
from .trials import Searched

TONES = tuple(f"var(--shade{k})" for k in range(SHADES))
WORST, BEST = ("#c4ccd8", "#475569"), ("#1d4ed8", "#8ec5ff")  # on a light ground and on a dark one


def page(searched: Searched, command: str = "") -> str:
    """The page as text; `command` is what goes on from here."""
    dark = THEMES["dark"]
    assert dark.page is not None
    shades = [tuple(mixed(a, b, (k / (SHADES - 1)) ** 1.6) for a, b in zip(WORST, BEST)) for k in range(SHADES)]
    style = ":root {\n" + "".join(f"  --shade{k}: light-dark({a}, {b});\n" for k, (a, b) in enumerate(shades)) + "}\n"
    style += "td.text { white-space: normal; min-width: 15em; }\n"
    charts = "".join(f"<figure>{scatter(searched, r, INK, TONES)}</figure>" for r in searched.ranges)
    lines = (f'<h2>Values and what they came to</h2><p class=soft>A line is a trial; the better it is, the stronger its colour. The best is thick.</p>'
             f'<div class="wide"><figure>{parallel(searched, INK, TONES)}</figure></div>' if searched.trials else "<p>No trial is over.</p>")
    beside = f'<h2>{text(searched.number)} against each value</h2><div class="charts">{charts}</div>' if searched.judged else ""
    body = f"<h1>{text(searched.name)}</h1>{_about(searched)}{_said(searched, command)}{lines}{beside}{_trials(searched)}"
    return shell(f"{searched.name}: search", body, style=style)


def _about(s: Searched) -> str:
    parts = [f"net {s.net}", f"{len(s.trials)} of {s.planned} trials", f"judged by the {s.watched}"]
    return f"<p class=soft>{text(' · '.join(parts))}</p>"


def _said(s: Searched, command: str) -> str:
    """What it has come to in words."""
    if s.best is None:
        return '<section aria-label="verdict"><div class="verdict note"><h3>No trial is done yet</h3></div></section>'
    values = ", ".join(f"{k} {v}" for k, v in s.best.values.items())
    boxes = [f'<div class="verdict good"><h3>Trial {s.best.number} is best: {text(s.number)} {number(s.best.value)}</h3><p>{text(values)}</p>'
             + (f"<p>Finer, around it: <code>{text(command)}</code></p>" if command else "") + "</div>"]
    for r, end in s.edges():
        boxes.append(f'<div class="verdict note also"><h3>{text(r.name)} is best at the {end} end of its range</h3>'
                     f"<p>Better values may lie beyond {number(r.low if end == 'lower' else r.high)}: a wider range would tell.</p></div>")
    return f'<section aria-label="verdict">{"".join(boxes)}</section>'


def _trials(s: Searched) -> str:
    if not s.trials:
        return ""
    measured = list(dict.fromkeys(k for t in s.trials for k in t.best if k != "epoch"))
    measured.sort(key=lambda k: (k != s.number, not k.startswith("val_")))
    names = [r.name for r in s.ranges]
    rows = [[str(t.number), *(number(float(t.best[k])) if k in t.best else "" for k in measured), str(t.epochs or ""),
             *(text(t.values.get(k, "")) for k in names), text(t.state + (f": {t.why}" if t.why else ""))] for t in s.trials]
    return "<h2>Trials</h2>" + table(["trial", *map(text, measured), "epochs", *map(text, names), "state"], rows,
                                     "The numbers of the best epoch of each, the best trial first", texts=("state",))
