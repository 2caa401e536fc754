"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from ...waiting import wait
from .. import drawing, sizes
from ..feeding.feed import Feed
from ..feeding.given import Given, to_judge
from ..means.views import Views, outcome
from ..measuring.judge import by_example
from ..measuring.measured import Measured
from ..misuse import whole
from ..state import State
from .recipe import Recipe


def evaluate(state: State, recipe: Recipe, g: Given, key: int, batch: int | None = None, views: Views | None = None,
             said: Callable[[dict[str, Any], int], dict[str, Any]] | None = None) -> dict[str, Any]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given;
    `key` is that of what is drawn. Where there are `views`, of the mean of what the network says of them; or of what is `said` of
    a batch, before which so many examples came.

    Errors: as `train_step`.
    """
    terms, views = recipe.need_terms(), views or Views(state.graph)
    feed = to_judge(state, terms, g, recipe.part if batch is None else whole("batch", batch, 1), views.inputs)
    graph = sizes.bind(state, feed.inputs).graph if isinstance(feed, Feed) else state.graph
    measured, seen = Measured(graph, terms, recipe.metrics), 0
    with closing(feed.epoch(0)) as batches, wait("judging example", feed.examples if isinstance(feed, Feed) else None) as at:
        for read in batches:
            at(seen + 1)
            run = sizes.bind(state, read.inputs)
            drawing.begin(run, key, seen)
            asked, targets = terms, read.targets
            if read.weights is not None and read.weights.any():
                asked, targets = by_example(terms, targets, read.weights, len(read), state.dtype)
            if said is not None:
                out = outcome(run.graph, asked, said(read.inputs, seen), targets)
            elif views:
                mean = views.said(read.inputs, partial(run.predict, weights=state.vector("eval")), terms)
                out = outcome(run.graph, asked, mean, targets)
            else:
                out = run.losses(read.inputs, targets, asked, weights=state.vector("eval"))
            measured.add(out, read.targets, len(read), read.weights)
            seen += len(read)
    return measured.numbers
