"""What is known of a run, from its folder: its log, its statistics, its checkpoints, and its data where they can be read."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...diagnostics import MissingFileError, NetspecError
from ...plain import word
from ...views.report.story import Filters, Judged, Shot, Story
from ...words.dataset import Data
from ..asking.data import numbered_as, own, read
from ..feeding.feed import Feed
from ..feeding.given import Given, given, to_learn
from ..io.checkpoint import ResumeWarning, weights_in
from ..io.stored import opened
from ..network import Network, made
from ..runs.facts import ARRAYS
from ..runs.folder import is_run, read_log
from ..runs.listing import rows
from ..state import State
from ..train.preparing import preparations
from . import kept
from .judging import judge, sizes
from .probe import layers, of_feed
from .recorder import first_filters, guess, shots, unpacked
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
    return Story(os.path.basename(os.path.realpath(folder)), facts, epochs, best, about, statistics, end,
                 judged=_judged(end.pop("judged", None)), filters=_filters(end.pop("filters", None)),
                 seen=_shots(about.get("seen")), plain=_shots(about.get("plain")), missing=tuple(missing))


def looked_at(folder: Path, data: Data | str | None = None) -> Story:
    """The same, and what its network says now: of the best epoch's weights, or the last ones.

    Errors: as `told`. What cannot be read besides, the story says.
    """
    story = told(folder)
    if story.judged is not None and data is None:
        return story
    try:
        net = _network(folder)
    except NetspecError as e:
        return _without(story, f"The network could not be loaded, so what it answers is not shown: {e.diagnostics[0].title}.")
    if data is None and story.settings.get("data") == ARRAYS:
        return _without(story, "It was trained on arrays that Python gave, so what it answers is not shown: --data names them.")
    try:
        found = own(net, "report") if data is None else numbered_as(net, read(data, net)) if isinstance(data, str) else data
        judging, learnt = given(net.state, net.recipe.need_terms(), found), found
    except NetspecError as e:
        return _without(with_filters(story, net.state),
                        f"The data could not be read, so what it answers is not shown: {e.diagnostics[0].title}.")
    story = _measured(story, folder, net, learnt)
    return answered(with_filters(story, net.state), net.state, judging.validation or judging, "training"
                    if judging.validation is None else
                    "test" if judging.validation.tested else "validation")


def answered(story: Story, state: State, judging: Given, part: str) -> Story:
    """With what the network says of these examples."""
    try:
        return replace(story, judged=judge(state, judging, part))
    except NetspecError as e:
        return _without(story, f"The {part} examples could not be judged: {e.diagnostics[0].title}.")


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


def _network(folder: Path) -> Network:
    """That of its best weights, else of its last ones."""
    stored = opened(folder)
    net = made(stored.origin(None, None), "cpu", stored.dtype)
    net.state.recipe = stored.beside(net.recipe, net.graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResumeWarning)
        return net.load(stored.path)


def _measured(story: Story, folder: Path, net: Network, data: Data) -> Story:
    """Where no statistics were recorded: those of the first weights, and of the last."""
    if story.statistics:
        return story
    state, terms = net.state, net.recipe.need_terms()
    feed = to_learn(state, replace(given(state, terms, data), validation=None), True)
    if not isinstance(feed, Feed):
        return story
    probe, graph = of_feed(feed), state.graph if state.executor is None else state.executor.graph
    statistics: dict[int, Any] = {}
    about: dict[str, Any] = {"layers": [s.data() for s in layers(graph)], "examples": feed.examples, "counts": sizes(feed),
                             "seen": [], **guess(state, graph)}
    if state.origin is not None and not any(p.file for p in state.graph.parameters):
        first = made(state.origin, net.device, str(net.dtype), net.seed)
        first.state.recipe, first.state.course.bytes = state.recipe, state.course.bytes
        for node in preparations(state.graph):
            for p in node.parameters:
                first.state.store.set(p.name, state.store.get(p.name))
        statistics[0] = probe.measure(first.state)
        about["first"] = first_filters(first.state, graph)
    last = folder / "last.safetensors"
    if last.is_file() and story.order:
        values, _ = weights_in(state, os.fspath(last))
        then = {k: state.store.get(k) for k in values}
        for k, v in values.items():
            state.store.set(k, v)
        statistics[story.order[-1]] = probe.measure(state)
        for k, v in then.items():
            state.store.set(k, v)
    said = f"Statistics of layers by epoch were not recorded, and are those before the first step and after the last: {BEFORE}."
    return replace(story, about=about, statistics=statistics, seen=tuple(shots(state, [feed.batch(0, 0, feed.order(0))])),
                   plain=tuple(shots(state, probe.batches)) if state.recipe.augmentation else (),
                   missing=(said, *story.missing[1:]))


def _without(story: Story, why: str) -> Story:
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

