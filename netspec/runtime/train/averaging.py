"""A running average of the parameters, for tests: Polyak, "Acceleration of stochastic approximation by averaging", 1992.

After step 1 the average a is the parameters w; after each later one, a += (1 - average) * (w - a). That is PyTorch's
`AveragedModel` with `get_ema_multi_avg_fn(average)`. Buffers are not averaged: running statistics are those of training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...backends.executor import WEIGHTS, Executor

if TYPE_CHECKING:
    from ..network import Network

AVERAGE = "average"  # the vector's name beside the optimiser's states


def take(net: Network, run: Executor) -> None:
    """Move the average after a step. A step without one ends it."""
    if not net.recipe.average:
        net.taken = 0
        return
    pairs = zip(run.vectors("weights"), run.vectors(AVERAGE))
    run.set_vectors(AVERAGE, [a + (1.0 - net.recipe.average) * (w - a) if net.taken else w for w, a in pairs])
    net.taken += 1


def tested(net: Network, mode: str) -> str:
    """The vector that parameters are read from: in evaluation mode their averages, where there are any and `net.averaged` is
    not switched off."""
    return AVERAGE if mode == "eval" and net.averaged else WEIGHTS
