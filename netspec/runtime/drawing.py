"""What a call draws: the keys of its random numbers, and how its examples are counted.

A number of dropout depends on a key, the layer, and the numbers of the example and of the element in it; see
`ir/randomness.py`. Training has a key for each step: (seed, step). Every other call has a number of its own, counted from 0, and
its key is that of (seed, number): so predictions between two steps change nothing of the training, and `draw=` asks for the
numbers of another call again; -1, -2, ... are the steps from the first one on. Where gradients are asked for in training mode,
the first call after a step draws what the next step will, so that gradients and `update` are that step. Validation in `fit` has the key of its epoch, wherever training was resumed. Examples are
counted through a call, over all batches it is cut into, and over all batches that make one step.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from ..backends.executor import Executor
from ..ir.randomness import CALL, EPOCH, random_key, stir
from .misuse import whole

if TYPE_CHECKING:
    from .network import Network

_counting = threading.Lock()


def of_step(net: Network) -> int:
    """The key of the step that comes next."""
    return random_key(net.seed, net.step)


def of_call(net: Network, draw: int | None) -> int:
    """The key of a call: of the number it asks for, or of the next one. `net.drawn` tells."""
    if draw is None:
        with _counting:
            number, net.draws = net.draws, net.draws + 1
    else:
        number = whole("draw, the number of a draw,", draw)
    net.drawn = number
    return stir(_calls(net.seed), number) if number >= 0 else random_key(net.seed, -1 - number)


@lru_cache(maxsize=64)
def _calls(seed: int) -> int:
    """What the keys of all calls of a seed begin with."""
    return random_key(seed, CALL)


def of_gradients(net: Network, draw: int | None) -> int:
    """The key of gradients in training mode."""
    if draw is None and net.looked != net.step:
        net.looked, draw = net.step, -1 - net.step
    return of_call(net, draw)


def of_validation(net: Network) -> int:
    """The key of the validation after this epoch."""
    return random_key(net.seed, EPOCH, net.epoch)


def begin(run: Executor, key: int, first: int = 0) -> None:
    """What this thread runs from here on has this key, and so many examples of it before its own."""
    run.set_scalar("random_key", key)
    run.set_scalar("random_first", first)
