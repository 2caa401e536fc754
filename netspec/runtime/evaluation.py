"""Loss and metrics of a network over data, in evaluation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import arrays
from .judge import ends_in, loss_of, share
from .recipe import Recipe
from .tallies import tallies

if TYPE_CHECKING:
    from .network import Network


def evaluate(net: Network, recipe: Recipe, x: Any, y: Any, batch: int | None = None) -> dict[str, float]:
    """The weighted loss, a mean over all examples, then each metric. `batch` examples at a time, the recipe's unless given.

    Errors: as `train_step`.
    """
    terms = recipe.need_terms()
    found = arrays.inputs(net.graph, x)
    run, n = net.bind(found), arrays.count(found)
    wanted = arrays.targets(run.graph, terms, y, n)
    counted = tallies(run.graph, terms, recipe.metrics)
    on_device = any(ends_in(run.graph, t) for t in terms)  # the loss reads what the output no longer shows
    sums, shares, size = [0.0] * len(terms), [0.0] * len(terms), batch or recipe.batch
    for k in range(0, n, size):
        here = slice(k, k + size)
        inputs, targets = arrays.cut(found, here, net.dtype), arrays.cut_targets(wanted, here, net.dtype)
        if on_device:
            out = run.gradients(inputs, targets, terms, training=False)
            losses, outputs = out.losses, out.outputs
        else:
            outputs = run.predict(inputs)
            losses = tuple(loss_of(run.graph, t, outputs, targets, inputs) for t in terms)
        for i, (t, v) in enumerate(zip(terms, losses)):
            counts = share(t, targets, arrays.count(inputs))
            if counts:  # else every label of the batch is ignored, and its mean is none
                sums[i], shares[i] = sums[i] + counts * v, shares[i] + counts
        for tally in counted:
            tally.add(outputs, targets)
    loss = sum(t.weight * (a / b if b else float("nan")) for t, a, b in zip(terms, sums, shares))
    return {"loss": loss} | {t.name: t.value for t in counted}
