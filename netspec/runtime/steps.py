"""One optimiser step: gradients, the limit on their norm, the update; or an optimiser that drives the network itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor, Outcome
from ..optimisers.lbfgs import Memory
from ..passes.objective import Term
from .judge import share
from .misuse import misuse

Array = NDArray[Any]
Settings = Mapping[str, Mapping[str, float]]


def step(run: Executor, inputs: dict[str, Array], targets: dict[str, Array], terms: tuple[Term, ...], optimiser: Any, settings: Settings,
         memory: Memory) -> Outcome:
    """The outcome is that of the weights before the step. `memory` is what an optimiser of the host keeps."""
    if optimiser.host:
        return _driven(run, inputs, targets, terms, optimiser, settings, memory)
    if not optimiser.clip:
        return run.step(inputs, targets, terms, optimiser, settings)
    out = run.gradients(inputs, targets, terms, training=True, effects=True)
    update(run, optimiser, settings)
    return out


class Gathering:
    """Gradients of several batches that make one step: their mean, weighted by what each batch counts for, in float64."""

    def __init__(self) -> None:
        self.total: list[Array] = []
        self.weight = 0.0
        self.batches = 0

    def add(self, run: Executor, terms: tuple[Term, ...], targets: Mapping[str, Array], examples: int) -> None:
        """The gradients as they lie. A batch counts for its examples, or for its labels where the loss ignores or weighs some,
        so that the mean is that of one large batch; where several losses would disagree, for its examples."""
        self.batches += 1
        shares = {share(t, targets, examples) for t in terms}
        weight = shares.pop() if len(shares) == 1 else float(examples)
        if not weight:
            return  # every label is ignored
        parts = [weight * g.astype(np.float64) for g in run.vectors("gradients")]
        self.total = [t + g for t, g in zip(self.total, parts)] if self.total else parts
        self.weight += weight

    def finish(self, run: Executor) -> None:
        """Write the mean where the gradients lie, and begin anew."""
        run.set_vectors("gradients", [g / self.weight for g in self.total] or [np.zeros_like(g) for g in run.vectors("gradients")])
        self.total, self.weight, self.batches = [], 0.0, 0


def update(run: Executor, optimiser: Any, settings: Settings) -> None:
    """From the gradients as they lie."""
    if optimiser.host:
        raise misuse("not-yet", f"{optimiser.name} asks for the loss several times a step, so it has no update of its own", hint="call train_step or fit")
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


def _driven(run: Executor, inputs: dict[str, Array], targets: dict[str, Array], terms: tuple[Term, ...], optimiser: Any, settings: Settings,
            memory: Memory) -> Outcome:
    """An optimiser that asks for loss and gradient at weights of its choice, as one flat float64 vector."""
    if len({tuple(sorted(s.items())) for s in settings.values()}) > 1:
        raise misuse("not-yet", f"{optimiser.name} treats all parameters alike", hint="no factors, and no weight decay that spares some of them")
    free = [p for p in run.graph.parameters if p.trainable]
    outcomes: list[Outcome] = []

    def put(weights: Array) -> None:
        at = 0
        for p in free:
            run.set(p.name, weights[at : at + p.size].reshape(p.shape))
            at += p.size

    def evaluate(weights: Array) -> tuple[float, Array]:
        put(weights)
        out = run.gradients(inputs, targets, terms, training=True, effects=not outcomes)
        outcomes.append(out)
        loss = float(sum(t.weight * v for t, v in zip(terms, out.losses)))
        grads = np.concatenate([run.gradient(p.name).ravel() for p in free]).astype(np.float64)
        return (loss + l1 * float(abs(weights).sum()), grads + l1 * np.sign(weights)) if l1 else (loss, grads)

    now = next(iter(settings.values()))
    l1 = now.get("l1", 0.0)
    start = np.concatenate([run.get(p.name).ravel() for p in free]).astype(np.float64)
    put(replace(optimiser, lr=now["lr"], decay=now["decay"]).minimise(evaluate, start, memory))
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
