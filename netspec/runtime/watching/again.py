"""A run that is over, looked at again: its network is loaded, and its data are read, where it does not hold what they say."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...diagnostics import NetspecError
from ...views.report.story import Story
from ...words.dataset import Data
from ..asking.data import numbered_as, own, read
from ..feeding.feed import Feed
from ..feeding.given import given, to_learn
from ..io.checkpoint import ResumeWarning, weights_in
from ..io.stored import opened
from ..io.told import told as told_of
from ..network import Network, made
from ..runs.facts import ARRAYS
from ..train.preparing import preparations
from .about import about, first_filters, warned
from .judging import sizes
from .probe import of_feed
from .recorder import shots
from .stories import BEFORE, answered, told, with_filters, without


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
        return without(story, f"The network could not be loaded, so what it answers is not shown: {e.diagnostics[0].title}.")
    if data is None and story.settings.get("data") == ARRAYS:
        return without(story, "It was trained on arrays that Python gave, so what it answers is not shown: --data names them.")
    try:
        found = own(net, "report") if data is None else numbered_as(net, read(data, net)) if isinstance(data, str) else data
        judging, learnt = given(net.state, net.recipe.need_terms(), found), found
    except NetspecError as e:
        return without(with_filters(story, net.state),
                        f"The data could not be read, so what it answers is not shown: {e.diagnostics[0].title}.")
    story = _measured(story, folder, net, learnt)
    return answered(with_filters(story, net.state), net.state, judging.validation or judging, "training"
                    if judging.validation is None else
                    "test" if judging.validation.tested else "validation")


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
    found: dict[str, Any] = {**about(state, graph, probe), "examples": feed.examples, "batches": feed.batches, "counts": sizes(feed),
                             "steps": -(-feed.batches // state.recipe.parts), "warnings": warned(told_of(state), graph.name), "seen": [],
                             "first": {}}
    if state.origin is not None and not any(p.file for p in state.graph.parameters):
        first = made(state.origin, net.device, str(net.dtype), net.seed)
        first.state.recipe, first.state.course.bytes = state.recipe, state.course.bytes
        for node in preparations(state.graph):
            for p in node.parameters:
                first.state.store.set(p.name, state.store.get(p.name))
        statistics[0] = probe.measure(first.state)
        found["first"] = first_filters(first.state, graph)
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
    return replace(story, about=found, statistics=statistics, seen=tuple(shots(state, [feed.batch(0, 0, feed.order(0))])),
                   plain=tuple(shots(state, probe.batches)) if state.recipe.augmentation else (),
                   missing=(said, *story.missing[1:]))
