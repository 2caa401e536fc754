"""Independent copies of a network's state: `copy.deepcopy(net)`, and `pickle`, which is how one reaches another process.

A copy has the parameters and buffers, the optimiser's state, averages, counters, record and recipe, and memory of its own; it
trains on to the same bits. Gradients, plans and what the last `forward` saw are not copied. A pickle holds the graph and the
parsed spec with all that it imports, so it needs no file.

A copy may also differ in what training leaves alone, see freezing.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any

from .freezing import joined, marked
from .state import AVERAGE, State

Facts = dict[str, Any]
PARTS = ("course", "optimiser", "average", "draws", "learnt")


def facts(state: State) -> Facts:
    """All of a state as plain values and arrays that are nobody else's."""
    with state.gate.shared():
        slots = (*state.optimiser.slots, *((AVERAGE,) if state.average.taken else ()))
        return {"made of": (state.graph, state.device, str(state.dtype), state.seed, state.recipe, state.origin),
                "parts": {k: deepcopy(getattr(state, k)) for k in PARTS},
                "numbers": state.numbers(), "vectors": {slot: state.slot(slot) for slot in slots}}


def restored(held: Facts) -> State:
    """The state of such facts."""
    state = State(*held["made of"])
    vars(state).update(held["parts"])
    for name, value in held["numbers"].items():
        state.store.set(name, value)
    for slot, values in held["vectors"].items():
        state.fill(slot, values)
    return state


def frozen(state: State, names: Iterable[str], yes: bool) -> State:
    """The network with these parts frozen or not: its numbers and how far it is are the same, the optimiser and the average of
    the parameters start anew."""
    marks = tuple((name, yes) for name in names)
    graph = marked(state.graph, marks)
    held = facts(state)
    _, *made = held["made of"]
    origin = replace(state.origin, marks=joined(state.origin.marks, marks)) if state.origin is not None else None
    new = restored(held | {"made of": (graph, *made[:-1], origin), "vectors": {}})
    new.average.taken = 0
    new.optimiser = type(new.optimiser)()
    return new
