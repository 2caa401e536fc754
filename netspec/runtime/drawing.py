"""What a call draws: the keys of its random numbers, and how its examples are counted.

A number of dropout depends on a key, the layer, and the numbers of the example and of the element in it; see
`ir/randomness.py`. Training has a key for each step: (seed, step). Every other call has a number of its own, counted from 0, and
its key is that of (seed, number): so predictions between two steps change nothing of the training, and `draw=` asks for the
numbers of another call again; -1, -2, ... are the steps from the first one on. Where gradients are asked for in training mode,
the first call after a step draws what the next step will, so that gradients and `update` are that step. Validation in `fit`
has the key of its epoch, wherever training was resumed. Examples are counted through a call, over all batches it is cut into,
and over all batches that make one step.
"""

from __future__ import annotations

import threading
from functools import lru_cache

from ..backends.executor import Executor
from ..ir.randomness import CALL, EPOCH, random_key, stir
from .misuse import whole
from .state import State

_counting = threading.Lock()


def of_step(state: State) -> int:
    """The key of the step that comes next."""
    return random_key(state.seed, state.course.step)


def of_call(state: State, draw: int | None) -> int:
    """The key of a call: of the number it asks for, or of the next one. `state.last.drawn` tells."""
    if draw is None:
        with _counting:
            number = state.draws.calls
            state.draws.calls += 1
    else:
        number = whole("draw, the number of a draw,", draw)
    state.last.drawn = number
    return stir(_calls(state.seed), number) if number >= 0 else random_key(state.seed, -1 - number)


@lru_cache(maxsize=64)
def _calls(seed: int) -> int:
    """What the keys of all calls of a seed begin with."""
    return random_key(seed, CALL)


def of_gradients(state: State, draw: int | None) -> int:
    """The key of gradients in training mode."""
    if draw is None and state.draws.looked != state.course.step:
        state.draws.looked, draw = state.course.step, -1 - state.course.step
    return of_call(state, draw)


def of_validation(state: State) -> int:
    """The key of the validation after this epoch."""
    return random_key(state.seed, EPOCH, state.course.epoch)


def begin(run: Executor, key: int, first: int = 0) -> None:
    """What this thread runs from here on has this key, and so many examples of it before its own."""
    run.set_scalar("random_key", key)
    run.set_scalar("random_first", first)
