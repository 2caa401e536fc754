"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from typing import Any

from ...passes.objective import Term
from ...waiting import wait
from .. import drawing, sizes
from ..distributed.dealing import share
from ..distributed.world import ALONE, Lost, World
from ..feeding.ahead import ahead
from ..feeding.feed import Examples, Feed
from ..feeding.given import Given, to_judge
from ..means.views import Views, outcome
from ..measuring.judge import by_example
from ..measuring.measured import Measured
from ..misuse import whole
from ..state import State
from .recipe import Recipe

ROUND = 16  # batches of each worker between two times that they meet


def evaluate(state: State, recipe: Recipe, g: Given, key: int, batch: int | None = None, views: Views | None = None,
             said: Callable[[dict[str, Any], int], dict[str, Any]] | None = None, world: World = ALONE) -> dict[str, Any]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given;
    `key` is that of what is drawn. Where there are `views`, of the mean of what the network says of them; or of what is `said` of
    a batch, before which so many examples came. Workers share the examples of arrays.

    Errors: as `train_step`.
    """
    terms, views = recipe.need_terms(), views or Views(state.graph)
    feed = to_judge(state, terms, g, recipe.part if batch is None else whole("batch", batch, 1), views.inputs)
    graph = sizes.bind(state, feed.inputs).graph if isinstance(feed, Feed) else state.graph
    measured, seen = Measured(graph, terms, recipe.metrics), 0
    if world.size > 1 and isinstance(feed, Feed):
        return _shared(state, terms, feed, key, measured, world)
    with closing(feed.epoch(0)) as batches, wait("judging example", feed.examples if isinstance(feed, Feed) else None) as at:
        for read in batches:
            at(seen + 1)
            run = sizes.bind(state, read.inputs)
            drawing.begin(run, key, seen)
            asked, targets = _asked(state, terms, read)
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


def _shared(state: State, terms: tuple[Term, ...], feed: Feed, key: int, measured: Measured, world: World) -> dict[str, Any]:
    """The same by several workers: the batches in rounds, each of which they share, and all take in what each batch came to."""
    for first in range(0, feed.batches, ROUND * world.size):
        batches = range(first, min(feed.batches, first + ROUND * world.size))
        while True:
            mine = batches[slice(*_ends(share(len(batches), world.rank, world.size)))]
            read: Iterable[Examples] = ahead(lambda k: feed.batch(0, k, None), mine) if feed.slow else (
                feed.batch(0, k, None) for k in mine)
            said = [_judged(state, terms, batch, key, k * feed.size, measured) for k, batch in zip(mine, read)]
            try:
                every = world.gather(said)
            except Lost:
                continue
            break
        for part in (part for parts in every for part in parts):
            measured.take(part)
    return measured.numbers


def _ends(numbers: range) -> tuple[int, int]:
    return numbers.start, numbers.stop


def _asked(state: State, terms: tuple[Term, ...], batch: Examples) -> tuple[tuple[Term, ...], dict[str, Any]]:
    """The losses and targets of a batch, whose examples may weigh differently."""
    if batch.weights is None or not batch.weights.any():
        return terms, batch.targets
    return by_example(terms, batch.targets, batch.weights, len(batch), state.dtype)


def _judged(state: State, terms: tuple[Term, ...], batch: Examples, key: int, seen: int, measured: Measured) -> dict[str, Any]:
    """What one batch comes to, before which so many examples came."""
    run = sizes.bind(state, batch.inputs)
    drawing.begin(run, key, seen)
    asked, targets = _asked(state, terms, batch)
    out = run.losses(batch.inputs, targets, asked, weights=state.vector("eval"))
    return measured.part(out, batch.targets, len(batch), batch.weights)
