"""Before the first step: whether all workers are about to do the same.

Other versions, instructions of another class, another spec or other data would give other bits, and nobody would know. They are
refused by the name of the worker that differs. """

from __future__ import annotations

import hashlib
from contextlib import suppress

import numpy as np

from ..io.checkpoint import where_written
from ..io.told import told
from ..misuse import misuse
from ..state import State
from .world import Lost, World


def agree(state: State, data: tuple[int, ...], world: World) -> None:
    """Raises where a worker is about to do something else than the first one."""
    if world.size == 1:
        return
    facts = _facts(state, data)
    while True:
        with suppress(Lost):
            every = world.gather(facts)
            break
    for k, other in enumerate(every):
        differ = [name for name in facts if other.get(name) != every[0][name]]
        if differ:
            name = differ[0]
            raise misuse("unlike-workers", f"worker {k} is not like worker 0: {name} is another",
                         *(f"{n}: {every[0][n]} there, {other.get(n)} on worker {k}" for n in differ[:6]))


def _facts(state: State, data: tuple[int, ...]) -> dict[str, str]:
    """What has to be the same."""
    module = told(state)
    weights = hashlib.sha256(b"".join(np.ascontiguousarray(v).tobytes() for v in state.numbers().values())).hexdigest()[:16]
    spec = hashlib.sha256((module.source.text if module is not None else repr(state.recipe)).encode()).hexdigest()[:16]
    return {**{k: str(v) for k, v in where_written(state).items()}, "spec": spec, "data": " ".join(map(str, data)),
            "seed": str(state.seed), "weights": weights, "step": f"{state.course.step} of epoch {state.course.epoch}"}
