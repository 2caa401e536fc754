"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import drawing
from ..io import arrays
from ..judge import MeanLoss
from ..misuse import whole
from ..tallies import tallies
from .averaging import tested
from .recipe import Recipe

if TYPE_CHECKING:
    from ..network import Network


def evaluate(net: Network, recipe: Recipe, x: Any, y: Any, key: int, batch: int | None = None) -> dict[str, Any]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given;
    `key` is that of what is drawn.

    Errors: as `train_step`.
    """
    terms = recipe.need_terms()
    found = arrays.inputs(net.graph, x)
    run, n = net.bind(found), arrays.count(found)
    wanted = arrays.targets(run.graph, terms, y, n)
    counted = tallies(run.graph, terms, recipe.metrics)
    mean, size = MeanLoss(terms), recipe.batch if batch is None else whole("batch", batch, 1)
    for k in range(0, n, size):
        here = slice(k, k + size)
        inputs, targets = arrays.cut(found, here, net.dtype), arrays.cut_targets(wanted, here, net.dtype)
        drawing.begin(run, key, k)
        out = run.losses(inputs, targets, terms, weights=tested(net, "eval"))
        mean.add(out.losses, targets, arrays.count(inputs))
        for tally in counted:
            tally.add(out.outputs, targets)
    return {"loss": mean.value} | {t.name: t.value for t in counted}
