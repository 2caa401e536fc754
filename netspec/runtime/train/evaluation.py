"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from ...words.dataset import Data
from .. import drawing, sizes
from ..io import arrays
from ..judge import by_example
from ..means.views import Views, outcome
from ..measured import Measured
from ..misuse import whole
from ..state import State
from .feed import Feed, pair_of
from .recipe import Recipe


def evaluate(state: State, recipe: Recipe, x: Any, y: Any, key: int, batch: int | None = None, sample_weight: Any = None,
             views: Views | None = None, said: Callable[[dict[str, Any], int], dict[str, Any]] | None = None) -> dict[str, Any]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given;
    `key` is that of what is drawn, `sample_weight` what each example counts. Of a data set, the examples for testing; where
    there are none, those for validation, or else all. Where there are `views`, of the mean of what the network says of them; or
    of what is `said` of a batch, before which so many examples came.

    Errors: as `train_step`.
    """
    terms, scaled = recipe.need_terms(), state.course.bytes or isinstance(x, Data)
    if isinstance(x, Data):
        x, y = pair_of(state, recipe, x.test or x.validation or x.train, y)
    views = views or Views(state.graph)
    found = views.inputs(x)
    run, n = sizes.bind(state, found), arrays.count(found)
    wanted = arrays.targets(run.graph, terms, y, n)
    measured, size = Measured(run.graph, terms, recipe.metrics), recipe.batch if batch is None else whole("batch", batch, 1)
    feed = Feed(found, wanted, size, state.dtype, shuffle=False, scaled=scaled, weights=arrays.weights(sample_weight, n))
    with closing(feed.epoch(0)) as batches:
        for k, read in enumerate(batches):
            drawing.begin(run, key, k * size)
            asked, given = terms, read.targets
            if read.weights is not None and read.weights.any():
                asked, given = by_example(terms, given, read.weights, len(read), state.dtype)
            if said is not None:
                out = outcome(run.graph, asked, said(read.inputs, k * size), given)
            elif views:
                mean = views.said(read.inputs, lambda one: run.predict(one, weights=state.vector("eval")), terms)
                out = outcome(run.graph, asked, mean, given)
            else:
                out = run.losses(read.inputs, given, asked, weights=state.vector("eval"))
            measured.add(out, read.targets, len(read), read.weights)
    return measured.numbers
