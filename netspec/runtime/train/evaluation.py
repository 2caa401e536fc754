"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from typing import Any

from .. import drawing, sizes
from ..io import arrays
from ..judge import MeanLoss
from ..misuse import whole
from ..state import State
from ..tallies import tallies
from .recipe import Recipe


def evaluate(state: State, recipe: Recipe, x: Any, y: Any, key: int, batch: int | None = None) -> dict[str, Any]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given;
    `key` is that of what is drawn.

    Errors: as `train_step`.
    """
    terms = recipe.need_terms()
    found = arrays.inputs(state.graph, x)
    run, n = sizes.bind(state, found), arrays.count(found)
    wanted = arrays.targets(run.graph, terms, y, n)
    counted = tallies(run.graph, terms, recipe.metrics)
    mean, size = MeanLoss(terms), recipe.batch if batch is None else whole("batch", batch, 1)
    for k in range(0, n, size):
        here = slice(k, k + size)
        inputs, targets = arrays.cut(found, here, state.dtype), arrays.cut_targets(wanted, here, state.dtype)
        drawing.begin(run, key, k)
        out = run.losses(inputs, targets, terms, weights=state.vector("eval"))
        mean.add(out.losses, targets, arrays.count(inputs))
        for tally in counted:
            tally.add(out.outputs, targets)
    return {"loss": mean.value} | {t.name: t.value for t in counted}
