"""What is known of a run, from its folder: its log, its statistics, its checkpoints, and its data where they can be read."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...diagnostics import MissingFileError, NetspecError
from ...plain import word
from ...views.report.story import Filters, Judged, Shot, Story
from ..feeding.given import Given
from ..runs.folder import is_run, read_log
from ..runs.listing import rows
from ..state import State
from . import kept
from .about import unpacked
from .judging import judge
from .tiles import filters

BEFORE = "train with --report, or --live, to have them"


def told(folder: Path) -> Story:
    """What the files of its log and its statistics say.

    Errors: a folder that is none, or holds no run.
    """
    if not folder.is_dir():
        raise MissingFileError(f"there is no run {folder}", "netspec runs")
    if not is_run(folder):
        raise MissingFileError(f"{folder} is a folder, and holds no run", f"netspec runs {word(str(folder.parent))}")
    facts, epochs = read_log(folder)
    about, statistics, end = kept.noted(folder)
    best = rows(folder)[0].best.get("epoch") if epochs else None
    missing = [] if statistics else [f"Statistics of layers by epoch were not recorded: {BEFORE}."]
    if not facts:
        missing.append("The log says nothing of what was trained.")
    return Story(os.path.basename(os.path.realpath(folder)), str(folder), facts, epochs, best, about, statistics, end,
                 judged=_judged(end.pop("judged", None)), filters=_filters(end.pop("filters", None)),
                 seen=_shots(about.get("seen")), plain=_shots(about.get("plain")), missing=tuple(missing))


def answered(story: Story, state: State, judging: Given, part: str) -> Story:
    """With what the network says of these examples."""
    try:
        return replace(story, judged=judge(state, judging, part))
    except NetspecError as e:
        return without(story, f"The {part} examples could not be judged: {e.diagnostics[0].title}.")


def with_filters(story: Story, state: State) -> Story:
    """With the first layer's filters before training and now."""
    held = story.about.get("first") or {}
    if not held:
        return story
    try:
        before = unpacked(held["half"], held["shape"])
        now = state.store.get(held["weight"])[: len(before)]
        most = float(max(abs(before).max(), abs(now).max()))
        first, last = (filters(w, most if w.shape[1] not in (1, 3) else None) for w in (before, now))
    except (KeyError, ValueError, TypeError):
        return story
    epoch = story.best or (story.order[-1] if story.order else 0)
    return replace(story, filters=Filters(str(held.get("layer", "")), first, last, f"after epoch {epoch}")) if first else story


def without(story: Story, why: str) -> Story:
    return replace(story, missing=(*story.missing, why))


def _judged(found: Any) -> Judged | None:
    """What the network answered when training ended."""
    try:
        return None if found is None else Judged(**{**found,
                                                    "confusion": tuple(tuple(map(int, row)) for row in found["confusion"]),
                                                    "worst": tuple(Shot(**s) for s in found["worst"])})
    except (TypeError, KeyError, ValueError):
        return None


def _filters(found: Any) -> Filters | None:
    try:
        return None if found is None else Filters(**found)
    except TypeError:
        return None


def _shots(found: Any) -> tuple[Shot, ...]:
    return tuple(Shot(str(s[0]), str(s[1])) for s in found or () if isinstance(s, list) and len(s) == 2
                 and str(s[0]).startswith("data:image/png;base64,"))
