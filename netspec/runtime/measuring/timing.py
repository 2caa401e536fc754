"""How long each layer of a network takes on this machine: the CPU's kernels, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...backends.cpu.engine.workers import get_threads
from ...backends.cpu.executor import CpuExecutor
from ...ir.graph import Graph
from ...ir.types import shape_text
from ...passes.differentiate import cotangent_program
from ...passes.lower import lower
from ...views.interactive.times import ENTRIES, Times
from ..initialisers import initial
from ..misuse import misuse

MOST_BATCH = 32
ROOM = 1 << 30  # bytes of values that a batch nobody has chosen may take


def time_layers(graph: Graph, batch: int | None = None, rounds: int = 5, entries: tuple[str, ...] = ENTRIES) -> Times:
    """The best of so many rounds for each layer, on random numbers: of prediction, and of a step of training, which is forward
    and backward without loss and update. Without a batch, as many as 1 GB of values allows, at most 32.

    Errors: an input whose size is not known.
    """
    for n in graph.inputs:
        if not n.type.known:
            raise misuse("unknown-size", f"times depend on the size of the input, and `{n.name}` is {shape_text(n.type.shape)}",
                         hint=f"--input {'x'.join(str(s or 224) for s in n.type.shape)}")
    executor = CpuExecutor(graph)
    for p in graph.parameters:
        executor.set(p.name, initial(p, 0))
    programs: dict[str, tuple[Any, Callable[[Graph], Graph]]] = {
        "predict": ("predict", lower(False)),
        "train": (("backward", True, False), lambda g: cotangent_program(g, training=True, inputs=False))}
    for entry in entries:
        key, make = programs[entry]
        executor.entry(key, make, 1, entry == "predict")
    batch = batch or max(1, min(MOST_BATCH, *(ROOM // max(1, executor.memory(programs[e][0], 1)) for e in entries)))
    random = np.random.default_rng(0)
    inputs = {n.name: _numbers(random, batch, n.type) for n in graph.inputs}
    others = {f"d.{public}": _numbers(random, batch, graph.values[v].type) for public, v in graph.outputs}
    found: dict[str, Mapping[str, float]] = {}
    for entry in entries:
        key, make = programs[entry]
        found[entry] = _by_layer(executor.profile(key, make, inputs, others, evaluation=entry == "predict", rounds=rounds))
    threads = get_threads()
    return Times(batch, found, f"cpu, {threads} thread{'s' if threads > 1 else ''}")


def _by_layer(kernels: list[tuple[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for layer, seconds in kernels:
        if layer:
            found[layer] = found.get(layer, 0.0) + seconds
    return found


def _numbers(random: np.random.Generator, batch: int, of: Any) -> Any:
    return random.standard_normal((batch * of.batch, *of.shape), np.float32)
