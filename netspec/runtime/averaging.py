"""A running average of the parameters, for tests: Polyak, "Acceleration of stochastic approximation by averaging", 1992.

After step 1 the average a is the parameters w; after each later one, a += (1 - average) * (w - a). That is PyTorch's
`AveragedModel` with `get_ema_multi_avg_fn(average)`. Buffers are not averaged: running statistics are those of training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..backends.executor import Executor

if TYPE_CHECKING:
    from .network import Network

AVERAGE = "average"  # the vector's name beside the optimiser's states


def take(net: Network, run: Executor) -> None:
    """Move the average after a step. A step without one ends it."""
    if not net.recipe.average:
        net.taken = 0
        return
    pairs = zip(run.vectors("weights"), run.vectors(AVERAGE))
    run.set_vectors(AVERAGE, [a + (1.0 - net.recipe.average) * (w - a) if net.taken else w for w, a in pairs])
    net.taken += 1


@contextmanager
def tested(net: Network, run: Executor, mode: str) -> Iterator[None]:
    """Inside, evaluation mode has the averaged parameters, where there are any and `net.averaged` is not switched off."""
    swap = mode == "eval" and net.averaged
    if swap:
        _swap(run)
    try:
        yield
    finally:
        if swap:
            _swap(run)


def _swap(run: Executor) -> None:
    trained = [w.copy() for w in run.vectors("weights")]
    run.set_vectors("weights", run.vectors(AVERAGE))
    run.set_vectors(AVERAGE, trained)
