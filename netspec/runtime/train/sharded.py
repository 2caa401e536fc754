"""Steps of parts that begin from the same weights: `shards` of each batch, which any number of workers share.

See distributed/. A part has batch statistics of its own. All parts begin from the running statistics that the step begins with,
and the step leaves them where the parts would have moved them one after the other. With `accumulate` each part begins where the
one before it has moved them, and gradients are added in a row instead of a tree. So `batch 64`, `shards 8` and `batch 8`,
`accumulate 8` differ by roundings: of batch norm, which sums around the running mean; and of the sum of gradients, whose float64
is rounded to the network's own float32, in which none is left but for one number in some hundred million. """

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Executor
from ...backends.turns import changes
from ...ir.graph import Graph
from ..distributed.dealing import share
from ..distributed.tree import Sum, Tree
from ..distributed.world import Lost, World
from ..feeding.feed import Examples
from ..feeding.parts import Parts, outline
from ..measuring.measured import Measured
from ..sizes import bind
from ..state import State
from . import steps
from .batches import Numbers, count, part_of

Array = NDArray[Any]
Watch = Callable[[int, Examples], None]


@dataclass
class Taken:
    """What is known of a step that has been taken."""

    parts: list[dict[str, Any]]  # what each part came to, in their order
    signal: int  # by which one of the workers was asked to end, or 0


@changes
def step(state: State, parts: Parts, many: int, world: World, measured: Measured, numbers: Numbers, notes: tuple[str, ...],
         signal: int = 0, watch: Watch | None = None) -> Taken:
    """Take a step of so many parts. Where workers are lost, those that are left do it again, from the weights as they were.
    `watch` sees each part before the step is taken, with its number in the epoch.

    Errors: as `run_part`; then nothing of the network has changed, on any worker.
    """
    while True:
        held = steps.buffers(_running(state, parts))
        try:
            said, total, mine = _computed(state, parts, many, world, held, measured, numbers, notes, signal, watch is not None)
        except Lost:
            continue
        taken = [part for one in said for part in one["parts"]]
        if watch is not None:
            for k, part in enumerate(taken):
                watch(parts.first + k, mine.get(k) or seen(part))
        run = _running(state, parts)
        _put(run, total, held)
        steps.update(run, state.recipe.need_optimiser(), numbers)
        count(state, run)
        return Taken(taken, max(one["signal"] for one in said))


def _computed(state: State, parts: Parts, many: int, world: World, held: Mapping[str, Array], measured: Measured,
              numbers: Numbers, notes: tuple[str, ...], signal: int,
              watched: bool) -> tuple[list[dict[str, Any]], Array, dict[int, Examples]]:
    """What every worker says of its parts, what they all come to, and where they are watched the parts of this worker."""
    before = _flat(held)
    tree, own, mine = Tree(kept(state.graph), parts.free), list[dict[str, Any]](), dict[int, Examples]()
    for k, batch in parts.read(share(many, world.rank, world.size), world.rank, world.size):
        run = bind(state, batch.inputs)
        try:
            out, weight = part_of(state, run, batch, parts.before(k), numbers, notes)
            tree.add(k, _sum(run, tree, before, weight))
        finally:
            steps.put_back(run, held)
        came_to = measured.part(out, batch.targets, len(batch), batch.weights)
        if watched:
            mine[k] = batch
        own.append({"examples": len(batch), "measured": came_to, **(outline(batch) if watched else {})})
    vectors = _running(state, parts).vectors("gradients")
    finished = partial(_finished, before, sum(v.size for v in vectors), state.dtype)
    said, total = world.reduce({"parts": own, "signal": signal}, tree, many, sum(v.size for v in vectors) + before.size, finished,
                               state.dtype)
    parts.free += [held.flat for held in tree.sums.values()]
    return said, total, mine


def _finished(before: Array, gradients: int, dtype: Any, flat: Array, weight: float, where: slice) -> Array:
    """The mean of gradients, then running statistics from how far they have moved: of a stretch `where` of the sum of all
    parts."""
    at = min(max(0, gradients - where.start), flat.size)
    out = np.empty(flat.size, dtype)
    np.divide(flat[:at], weight or 1.0, out=out[:at], casting="same_kind")
    if at < flat.size:
        np.add(before[where.start + at - gradients : where.stop - gradients], flat[at:], out=out[at:], casting="same_kind")
    return out


def _sum(run: Executor, tree: Tree, before: Array, weight: float) -> Sum:
    """What one part comes to, from the gradients as they lie."""
    vectors, moved = run.vectors("gradients"), _flat(steps.buffers(run))
    flat = tree.room(sum(v.size for v in vectors) + before.size)
    at = 0
    for v in vectors:
        np.multiply(v.reshape(-1), weight, out=flat[at : at + v.size], dtype=np.float64)
        if not weight:  # every label is ignored, and gradients may be no numbers
            flat[at : at + v.size] = 0
        at += v.size
    np.subtract(moved, before, out=flat[at:])
    return Sum(flat, weight)


def _put(run: Executor, total: Array, held: Mapping[str, Array]) -> None:
    """Write gradients and running statistics where they belong."""
    gradients, at = [], 0
    for v in run.vectors("gradients"):
        gradients.append(total[at : at + v.size].reshape(v.shape))
        at += v.size
    run.set_vectors("gradients", gradients)
    for name, v in held.items():
        run.set(name, total[at : at + v.size].reshape(v.shape))
        at += v.size


def _running(state: State, parts: Parts) -> Executor:
    """What holds the numbers of the network."""
    return state.executor if state.executor is not None else bind(state, parts.part(0, 0, 1).inputs)


def _flat(held: Mapping[str, Array]) -> Array:
    return np.concatenate([np.zeros(0), *(v.reshape(-1).astype(np.float64) for v in held.values())])


def kept(graph: Graph) -> Array:
    """How much of each running statistic a batch leaves, number by number, in the order of `steps.buffers`."""
    leaves = {p.name: 1.0 - getattr(n.op, "momentum", 1.0) for n in graph.nodes for p in n.parameters}
    buffers = (p for p in graph.parameters if p.kind == "buffer")
    return np.concatenate([np.zeros(0), *(np.full(p.size, leaves.get(p.name, 0.0)) for p in buffers)])


def seen(part: Mapping[str, Any]) -> Examples:
    """What is known of a part that another worker has read."""
    return Examples({}, part["targets"], part["numbers"])
