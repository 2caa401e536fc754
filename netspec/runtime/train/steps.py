"""One optimiser step: gradients, the limit on their norm, the update; or an optimiser that drives the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Check, Executor, Outcome
from ...diagnostics import Advice
from ...optimisers.parts.memory import Memory
from ...passes.objective import Term
from ..misuse import misuse

Array = NDArray[Any]
Settings = Mapping[str, Mapping[str, float]]


def step(run: Executor, inputs: dict[str, Array], targets: dict[str, Array], terms: tuple[Term, ...], optimiser: Any,
         settings: Settings, memory: Memory, check: Check) -> Outcome:
    """The outcome is that of the weights before the step. `memory` is what an optimiser of the host keeps. What `check` raises
    after it has seen the losses leaves everything as it was."""
    if optimiser.host:
        return _driven(run, inputs, targets, terms, optimiser, settings, memory, check)
    if not optimiser.clip:
        return run.step(inputs, targets, terms, optimiser, settings, check)
    out = run.gradients(inputs, targets, terms, training=True, effects=True, check=check)
    update(run, optimiser, settings)
    return out


class Gathering:
    """Gradients of several batches that make one step: their mean, weighted by what each batch counts for, in float64."""

    def __init__(self) -> None:
        self.total: list[Array] = []
        self.weight = 0.0
        self.batches = self.examples = 0
        self.buffers: dict[str, Array] = {}  # before the first of them

    def begin(self, run: Executor) -> None:
        """Before each batch: remember what a step that comes to nothing puts back."""
        if not self.batches:
            self.buffers = buffers(run)

    def abandon(self, run: Executor) -> None:
        """The step comes to nothing: running statistics are those before its first batch."""
        put_back(run, self.buffers)
        self.total, self.weight, self.batches, self.examples = [], 0.0, 0, 0

    def add(self, run: Executor, weight: float, examples: int) -> None:
        """The gradients as they lie, of a batch of so many examples, and what it counts for."""
        self.batches, self.examples = self.batches + 1, self.examples + examples
        if not weight:
            return  # every label is ignored
        parts = [weight * g.astype(np.float64) for g in run.vectors("gradients")]
        self.total = [t + g for t, g in zip(self.total, parts)] if self.total else parts
        self.weight += weight

    def finish(self, run: Executor) -> None:
        """Write the mean where the gradients lie, and begin anew."""
        run.set_vectors("gradients", [g / self.weight for g in self.total]
                        or [np.zeros_like(g) for g in run.vectors("gradients")])
        self.total, self.weight, self.batches, self.examples = [], 0.0, 0, 0


def buffers(run: Executor) -> dict[str, Array]:
    """Copies of what running statistics move in."""
    return {p.name: run.get(p.name) for p in run.graph.parameters if p.kind == "buffer"}


def put_back(run: Executor, held: Mapping[str, Array]) -> None:
    for name, value in held.items():
        run.set(name, value)


def update(run: Executor, optimiser: Any, settings: Settings) -> None:
    """From the gradients as they lie."""
    if optimiser.host:
        raise misuse("not-yet", f"{optimiser.name} asks for the loss several times a step, so it has no update of its own",
                     hint=Advice("call train_step or fit"))
    if optimiser.clip:
        limit_norm(run, optimiser.clip)
    run.update(optimiser, settings)


def limit_norm(run: Executor, most: float) -> float:
    """Scale the whole gradient down to a norm of `most` where it is larger; returns the norm it had."""
    grads = {p.name: run.gradient(p.name) for p in run.graph.parameters if p.trainable}
    norm = sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in grads.values()))
    if norm > most:
        for name, g in grads.items():
            run.set_gradient(name, g * (most / norm))
    return norm


def _driven(run: Executor, inputs: dict[str, Array], targets: dict[str, Array], terms: tuple[Term, ...], optimiser: Any,
            settings: Settings, memory: Memory, check: Check) -> Outcome:
    """An optimiser that asks for loss and gradient at weights of its choice, as one flat float64 vector.

    Where the loss or a gradient is not finite at weights that a line search tries, its length is too great, and the search goes
    back; without a search the step comes to nothing, as where it begins.
    """
    if len({tuple(sorted(s.items())) for s in settings.values()}) > 1:
        raise misuse("not-yet", f"{optimiser.name} treats all parameters alike",
                     hint=Advice("no factors, and no weight decay that spares some of them"))
    free = [p for p in run.graph.parameters if p.trainable]
    outcomes: list[Outcome] = []

    def put(weights: Array) -> None:
        at = 0
        for p in free:
            run.set(p.name, weights[at : at + p.size].reshape(p.shape))
            at += p.size

    def evaluate(weights: Array) -> tuple[float, Array]:
        put(weights)
        out = run.gradients(inputs, targets, terms, training=True, effects=not outcomes, check=None if outcomes
                            and optimiser.search else check)
        outcomes.append(out)
        loss = float(sum(t.weight * v for t, v in zip(terms, out.losses)))
        if not (isfinite(loss) and run.finite_gradients()):
            loss = inf
        grads = np.concatenate([run.gradient(p.name).ravel() for p in free]).astype(np.float64)
        return (loss + l1 * float(abs(weights).sum()), grads + l1 * np.sign(weights)) if l1 else (loss, grads)

    now = next(iter(settings.values()))
    l1 = now.get("l1", 0.0)
    start = np.concatenate([run.get(p.name).ravel() for p in free]).astype(np.float64)
    held, remembered = buffers(run), replace(memory, moves=list(memory.moves), changes=list(memory.changes))
    try:
        with np.errstate(all="ignore"):  # what lies too far is not finite
            put(replace(optimiser, lr=now["lr"], decay=now["decay"]).minimise(evaluate, start, memory))
    except BaseException:
        put(start)
        put_back(run, held)
        vars(memory).update(vars(remembered))
        raise
    return outcomes[0]


def packed(memory: Memory) -> tuple[dict[str, Array], dict[str, float]]:
    """Arrays and numbers of a memory, by field; absent ones are left out."""
    arrays, numbers = {}, {}
    for f in fields(memory):
        v = getattr(memory, f.name)
        if isinstance(v, int | float):
            numbers[f.name] = v
        elif v is not None and len(v):
            arrays[f.name] = np.stack(v) if isinstance(v, list) else v
    return arrays, numbers


def unpacked(arrays: Mapping[str, Array], numbers: Mapping[str, Any]) -> Memory:
    """The memory that `packed` took apart."""
    memory = Memory()
    for k, n in numbers.items():
        setattr(memory, k, n)
    for k, a in arrays.items():
        setattr(memory, k, list(a) if isinstance(getattr(memory, k), list) else a)
    return memory
