"""The page of a training, or of several beside each other: one file of HTML without programs, which asks the network for nothing.

What comes from a run is escaped, pictures are in the page itself, and its policy lets nothing run and nothing load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from statistics import median
from typing import Any

from .answers import answers
from .curves import Chart, Curve, curves_of, numbers, wants_log
from .html import chart, number, shots, table, terms, text
from .layered import layered
from .shell import shell
from .story import Story
from .verdicts.table import verdicts
from .verdicts.verdict import Verdict

USUAL = {("accumulate", 1), ("shards", 1), ("average", 0), ("l1", 0), ("l2", 0), ("drop_last", False)}  # settings that nobody has made


def page(stories: Sequence[Story], refresh: int | None = None) -> str:
    """The page as text; with `refresh` it is read anew after so many seconds, while training goes on."""
    body = _one(stories[0]) if len(stories) == 1 else _several(stories)
    return shell(f"{', '.join(s.name for s in stories)}: report", body, refresh)


def _one(story: Story) -> str:
    return f"<h1>{text(story.name)}</h1>{_about(story)}{_verdicts(story)}<h2>Curves</h2>{_curves([story])}{_details(story)}"


def _several(stories: Sequence[Story]) -> str:
    names = _named(stories)
    heads = "".join(f'<section><h2 id="run{k}">{text(n)}</h2>{_about(s)}{_verdicts(s)}</section>' for k,
                    (n, s) in enumerate(zip(names, stories)))
    rest = "".join(f"<details><summary>{text(n)}: layers, answers, pictures, numbers</summary>{_details(s)}</details>" for n,
                   s in zip(names, stories))
    return f"<h1>{len(stories)} runs</h1>{heads}<h2>Curves</h2>{_curves([replace(s, name=n) for s, n in zip(stories, names)])}{_beside(stories, names)}<h2>Each run</h2>{rest}"


def _named(stories: Sequence[Story]) -> list[str]:
    """Their names, told apart."""
    names = [s.name for s in stories]
    return [n if names.count(n) == 1 else f"{n} ({names[:k].count(n) + 1})" for k, n in enumerate(names)]


def _about(story: Story) -> str:
    """A line on what it is."""
    f, e = story.facts, story.order
    parts = [f"net {f['net']}" if f.get("net") else "", f"{number(f['parameters'])} parameters" if f.get("parameters") else "",
             str(story.settings.get("data") or ""),
             _epochs(e, story.planned),
             f"best epoch {story.best}" if story.best else ""]
    running = f"<p role=status><strong>training now: {text(story.running)}</strong></p>" if story.running else ""
    return f"<p class=soft>{text(' · '.join(p for p in parts if p))}</p>{running}"


def _epochs(seen: list[int], planned: int | None) -> str:
    """How many there are; of a run that went on from another one, which."""
    if seen and seen[0] > 1:
        return f"epochs {seen[0]} to {seen[-1]}"
    return f"{len(seen)} of {max(planned, len(seen))} epochs" if planned else f"{len(seen)} epochs"


def _verdicts(story: Story) -> str:
    found = verdicts(story)
    boxes = "".join(_box(v, k > 0) for k, v in enumerate(found))
    missing = "".join(f"<p class=soft>{text(m)}</p>" for m in story.missing)
    return f'<section aria-label="verdict">{boxes}{missing}</section>'


def _box(v: Verdict, also: bool) -> str:
    advice = f"<p>What may help: <code>{text(v.advice)}</code></p>" if v.advice else ""
    return f'<div class="verdict {v.sort}{" also" if also else ""}" data-verdict="{v.name}"><h3>{text(v.title)}</h3><p>{text(v.said)}</p>{advice}</div>'


def _curves(stories: Sequence[Story]) -> str:
    charts = curves_of(stories[0].columns, stories[0].order, stories[0].best) if len(stories) == 1 else _overlaid(stories)
    return f'<div class="charts">{"".join(map(chart, charts))}</div>' if charts else "<p>No epoch is over.</p>"


def _overlaid(stories: Sequence[Story]) -> list[Chart]:
    """A chart of each number, a colour for each run."""
    names = dict.fromkeys(n.removeprefix("val_") for s in stories for n in s.columns if n != "seconds")
    found = []
    for name in names:
        curves = [Curve(s.name + (", training" if key == name and name != "lr" else ""), numbers(s.columns[key], s.order), k,
                        dashed=key == name and name != "lr")
                  for k, s in enumerate(stories) for key in (f"val_{name}", name) if key in s.columns]
        marks = tuple((float(s.best), f"best of {s.name}: {s.best}") for s in stories
                      if s.best) if name == "loss" and len(stories) <= 3 else ()
        found.append(Chart("learning rate" if name == "lr" else name
                           + (", validation" if any(f"val_{name}" in s.columns for s in stories) else ""), tuple(curves),
                           log=wants_log(curves), marks=marks))
    return found


def _beside(stories: Sequence[Story], names: Sequence[str]) -> str:
    """The best epoch of each, and the settings in which they differ."""
    settings = [k for k in dict.fromkeys(k for s in stories for k in s.settings)
                if len({str(s.settings.get(k, "")) for s in stories}) > 1]
    columns = [c for c in dict.fromkeys(c for s in stories for c in s.columns) if c not in ("seconds", "lr")]
    rows = [[text(n), text(verdicts(s)[0].title), number(s.best),
             *(number(s.epochs.get(s.best or -1, {}).get(c)) for c in columns), *(text(s.settings.get(k, "")) for k in settings)]
            for n, s in zip(names, stories)]
    return table(["run", "verdict", "best epoch", *map(text, columns), *map(text, settings)], rows,
                 "The numbers of the best epoch, and the settings that differ")


def _details(story: Story) -> str:
    inside = layered(story)
    said = answers(story)
    parts = [f"<h2>Layers</h2>{inside}" if inside else "", f"<h2>Answers</h2>{said}" if said else "", _filters(story),
             _seen(story), _how(story), _numbers(story)]
    return "".join(parts)


def _filters(story: Story) -> str:
    f = story.filters
    if f is None or not f.first:
        return ""
    pictures = "".join(f'<figure><img src="{source}" alt="filters of {text(f.layer)}, {text(when)}"><figcaption>{text(when)}</figcaption></figure>'
                       for source, when in ((f.first, "before the first step"), (f.last, f.said)) if source)
    return f'<h2>First filters</h2><p class=soft>Those of {text(f.layer)}.</p><div class="pair">{pictures}</div>'


def _seen(story: Story) -> str:
    if not story.seen:
        return ""
    augment = str(story.about.get("augment") or story.settings.get("augment") or "")
    bare = f"<details><summary>Examples before they are augmented</summary>{shots(story.plain)}</details>" if story.plain else ""
    return (f"<h2>Data seen</h2><p class=soft>The first {len(story.seen)} examples as training has seen them{f', augmented: {text(augment)}' if augment else ''}.</p>"
            f"{shots(story.seen)}{bare}")


def _how(story: Story) -> str:
    """Settings, speed, machine and versions."""
    f, seconds = story.facts, [v for v in story.column("seconds") if isfinite(v)]
    machine = f.get("machine") if isinstance(f.get("machine"), dict) else {}
    examples = story.about.get("examples") or (f.get("examples") or {}).get("train") if isinstance(f.get("examples") or {},
                                                                                                   dict) else None
    rate = f"{examples / median(seconds):,.0f} training examples a second, validation included" if isinstance(examples,
                                                                                                              int) and seconds and median(seconds) > 0 else ""
    measuring = [v for k in story.measured if isinstance(v := story.statistics[k].get("seconds"), int | float) and k]
    pairs: list[tuple[str, Any]] = [("throughput", rate), ("an epoch takes", f"{median(seconds):.3g} s" if seconds else ""),
                                    ("all epochs", f"{sum(seconds):.3g} s" if seconds else ""),
                                    ("statistics of an epoch take", f"{median(measuring):.2g} s more" if measuring else ""),
                                    ("device", f.get("device", "")),
                                    *((k, v) for k, v in (machine or {}).items()), ("netspec", f.get("netspec", ""))]
    settings = [(k, v) for k, v in story.settings.items() if v not in (None, "") and (k, v) not in USUAL]
    return f"<h2>How it was trained</h2><h3>Settings</h3>{terms(settings)}<h3>Speed, machine, versions</h3>{terms(pairs)}"


def _numbers(story: Story) -> str:
    if not story.order:
        return ""
    rows = [[str(k), *(number(float(v[i])) if isfinite(v[i]) else "none" for v in story.columns.values())] for i,
            k in enumerate(story.order)]
    return f"<details><summary>The numbers of all epochs</summary>{table(['epoch', *map(text, story.columns)], rows)}</details>"
