"""A running average of the parameters, for tests: Polyak, "Acceleration of stochastic approximation by averaging", 1992.

After step 1 the average a is the parameters w; after each later one, a += (1 - average) * (w - a). That is PyTorch's
`AveragedModel` with `get_ema_multi_avg_fn(average)`. Buffers are not averaged: running statistics are those of training.
"""

from __future__ import annotations

from ...backends.executor import Executor
from ..state import AVERAGE, State


def take(state: State, run: Executor) -> None:
    """Move the average after a step. A step without one ends it."""
    keep, average = state.recipe.average, state.average
    if not keep:
        average.taken = 0
        return
    pairs = zip(run.vectors("weights"), run.vectors(AVERAGE))
    run.set_vectors(AVERAGE, [a + (1.0 - keep) * (w - a) if average.taken else w for w, a in pairs])
    average.taken += 1
