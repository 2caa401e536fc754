"""What is seen inside the layers, by epoch: charts, and a table with a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from .curves import TONES, Chart, Curve
from .html import chart, number, spark, table, text
from .story import Story

USUAL = 1e-3


def layered(story: Story) -> str:
    if not story.layers or not story.measured:
        return ""
    charts = [_chart(story, "ratio", "update to weight, by layer: the length of a step against that of the weights", log=True,
                     level=True),
              _chart(story, "std", "activations: deviation, by layer", log=True),
              _chart(story, "gradient", "gradients: root of the mean square, by layer", log=True),
              _dead(story)]
    shown = "".join(chart(c) for c in charts if c is not None)
    probe = story.about.get("probe")
    said = f"On {number(probe)} training examples, the same after every epoch; before the first step is epoch 0." if probe else ""
    return f'<h3>Inside the layers</h3><p class=soft>{said}</p><div class="charts">{shown}</div>{_table(story)}'


def _chart(story: Story, what: str, title: str, log: bool, level: bool = False) -> Chart | None:
    found = [(str(one["name"]), tuple((float(e), v) for e, v in story.of_layer(str(one["name"]), what))) for one in story.layers]
    found = [(n, p) for n, p in found if any(isfinite(v) and v > 0 for _, v in p)]
    return _lines(title, found, log, ((USUAL, "usual: 1e-3"),) if level else ())


def _dead(story: Story) -> Chart | None:
    found = [(str(one["name"]), tuple((float(e), 100 * v / max(1, int(one.get("units") or 1))) for e,
                                      v in story.of_layer(str(one["name"]), "dead")))
             for one in story.layers if one.get("rectifies")]
    return _lines("dead units, % of a layer: they say the same to every example", [f for f in found if f[1]], False, ())


def _lines(title: str, found: list[tuple[str, tuple[tuple[float, float], ...]]], log: bool,
           levels: tuple[tuple[float, str], ...]) -> Chart | None:
    """Of many layers some are named: the first, the last, and some between them."""
    if not found:
        return None
    many = len(found)
    named = range(many) if many <= len(TONES) else sorted({round(k * (many - 1) / 5) for k in range(6)})
    tone = {k: n for n, k in enumerate(named)}
    return Chart(title, tuple(Curve(name, p, tone.get(k, 0), quiet=k not in tone) for k, (name, p) in enumerate(found)), log=log,
                 levels=levels)


def _table(story: Story) -> str:
    first, last = story.measured[0], story.measured[-1]
    head = ["layer", "step", "update to weight", "by epoch", f"activations, epoch {last}", "deviation by epoch", "zeros", "dead units",
            "gradient", "by epoch", "weights"]
    rows = []
    for one in story.layers:
        name = str(one["name"])
        now: Mapping[str, Any] = story.statistics[last].get("layers", {}).get(name, {})
        then: Mapping[str, Any] = story.statistics[first].get("layers", {}).get(name, {})
        ratio = story.of_layer(name, "ratio")
        rows.append([text(name), f"<code>{text(one.get('step', ''))}</code>", number(ratio[-1][1], 3) if ratio else "", spark(ratio),
                     f"{number(now.get('mean'), 3)} ± {number(now.get('std'), 3)}" if now.get("std") is not None else "",
                     spark(story.of_layer(name, "std")),
                     f"{100 * now['zeros']:.0f} %" if isinstance(now.get("zeros"), int | float) else "",
                     f"{now.get('dead')} of {one.get('units')}" if one.get("rectifies") else "", number(now.get("gradient"), 3),
                     spark(story.of_layer(name, "gradient")),
                     f"{number(then.get('weight'), 3)} → {number(now.get('weight'), 3)}" if now.get("weight") is not None else ""])
    body = table(head, rows, "Weights and gradients are roots of the mean square", texts=("step",))
    return f"<details{' open' if len(rows) <= 30 else ''}><summary>Each layer</summary>{body}</details>"
