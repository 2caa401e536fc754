"""A network of a file that stands alone, which can be trained: gradients, and steps of the spec's optimiser.

What a train section says of a step is done here: losses, the optimiser with its limits and penalties, `accumulate`, `average`.
What it says of the loop around the steps is left to whoever writes that loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from ...backends.cpu.engine.machine import Recorder
from ...backends.cpu.engine.memory import aligned
from ...backends.cpu.engine.table import Table
from ...backends.cpu.lane import Bound
from ...backends.cpu.values import pack, unpack
from ...ir.layout import Image, Layout
from ...ir.randomness import random_key
from .network import AVERAGE, Array, Call, Entry, Standalone, held

NUMBERS = 64  # numbers a group of parameters can have


@dataclass(frozen=True)
class Rule:
    """An update rule: the function, where its vectors and numbers lie, and what the numbers are."""

    function: Call
    values: Mapping[str, Layout]
    state: tuple[str, ...]
    numbers: tuple[str, ...]  # those the kernels read, in order
    scalars: Callable[[int, dict[str, float]], dict[str, float]]  # step, settings -> numbers
    settings: Mapping[str, float]
    groups: tuple[Mapping[str, float], ...]  # factors of each group of parameters


@dataclass
class Gathered:
    """Gradients of the batches of a step that is not whole: their sum, weighted by what each batch counts for, in float64."""

    total: Any = 0.0
    weight: float = 0.0
    batches: int = 0
    examples: int = 0
    buffers: dict[str, Array] = field(default_factory=dict)  # before the first of them


class Trained(Standalone):
    """A network that can be trained; the emitted file fills in the class variables."""

    rule: ClassVar[Rule | None] = None
    accumulate: ClassVar[int] = 1  # batches whose gradients make one step
    average: ClassVar[float] = 0.0  # how much of the running average of the parameters each step keeps; 0: none is taken
    free: ClassVar[int] = 0  # elements of the weights that are trained: they lie first

    def _assemble(self) -> None:
        size = self._elements()
        self.steps, self.looked, self.gathered = 0, -1, Gathered()
        self.flat_gradients, self.averaged = aligned(size, self.dtype), aligned(size if self.average else 16, self.dtype)
        self.taken = self._completed = 0  # steps that the average has seen; the version of the weights that the rest of it has
        self.state = {s: aligned(size, self.dtype) for s in (self.rule.state if self.rule else ())}
        self.numbers = aligned(NUMBERS * max(1, len(self.rule.groups) if self.rule else 0), self.dtype).reshape(-1, NUMBERS)
        self._update: Table | None = None
        super()._assemble()

    def __getstate__(self) -> dict[str, Any]:
        with self.gate.shared():
            return super().__getstate__() | {
                "steps": self.steps, "looked": self.looked, "taken": self.taken, "averaged": self.averaged.copy(),
                "state": {k: v.copy() for k, v in self.state.items()}}

    def __setstate__(self, held: dict[str, Any]) -> None:
        super().__setstate__(held)
        self.steps, self.looked, self.taken = held["steps"], held["looked"], held["taken"]
        self.averaged[:] = held["averaged"]
        for k, v in held["state"].items():
            self.state[k][:] = v

    # ---- the average -----------------------------------------------------------------------------------------------------------
    def vectors_of(self, name: str) -> list[Array]:
        return [self.weights, self.averaged] if self.taken and self.given[name].trainable else [self.weights]

    def _evaluated(self) -> Array:
        if not self.taken:
            return self.weights
        if self._completed != self.version:
            self.averaged[self.free :] = self.weights[self.free :]
            self._completed = self.version
        return self.averaged

    def _put_averages(self, averages: Mapping[str, Array]) -> None:
        self.taken = 0
        for name, value in averages.items():
            pack(self.averaged, self.stored[name], value)
        self.taken = int(bool(averages) and self.average > 0)

    def _saved(self) -> dict[str, Any]:
        """With the averages, where there are some."""
        held = super()._saved()
        if self.taken:
            held |= {AVERAGE + n: unpack(self.averaged, self.stored[n], p.shape) for n, p in self.given.items() if p.trainable}
        return held

    def _take(self) -> None:
        """Move the average after a step, as netspec does."""
        if self.average:
            w, a = self.weights[: self.free], self.averaged[: self.free]
            a[:] = a + (1.0 - self.average) * (w - a) if self.taken else w
            self.taken += 1

    # ---- gradients and steps ---------------------------------------------------------------------------------------------------
    def _gradients(self) -> Array:
        return self.flat_gradients

    def gradients(self, x: Any, y: Any = None, *, statistics: bool = False,
                  draw: int | None = None) -> tuple[float, dict[str, Array]]:
        """The loss, a mean over the batch, and its gradient by parameter. Running statistics move if `statistics`. The first
        call after a step draws what the next step will; `draw` as in `predict`."""
        with self.gate.exclusive():
            if draw is None and self.looked != self.steps:
                self.looked, draw = self.steps, -1 - self.steps
            loss = self._backward(x, y, statistics, self._key(draw))
            return loss, {name: self._gradient(name) for name, p in self.given.items() if p.trainable}

    def step(self, x: Any, y: Any = None, **settings: float) -> float:
        """One step of the spec's optimiser on a batch; the loss before it. Where the spec says `accumulate`, so many batches make
        a step, and the last of them takes it. Settings, such as lr, are the spec's unless given. Raises FloatingPointError where
        the loss or a gradient is not finite: then nothing has changed since the last step."""
        with self.gate.exclusive():
            rule, now = self._settings(settings)
            if self.accumulate == 1:
                loss = self._backward(x, y, True, random_key(self.seed, self.steps))
                self._step(rule, now)
            else:
                loss = self._part(x, y)
                if self.gathered.batches == self.accumulate:
                    self.flat_gradients[:] = self.gathered.total / self.gathered.weight if self.gathered.weight else 0
                    self.gathered = Gathered()
                    self._step(rule, now)
            return loss

    def _part(self, x: Any, y: Any) -> float:
        """One batch of several that make a step."""
        parts = self.gathered
        found, targets = self._given(x, y)
        if not parts.batches:
            parts.buffers = {n: self.parameters[n] for n, p in self.given.items() if not p.trainable}
        try:
            loss = self._loss(found, targets, True, random_key(self.seed, self.steps), parts.examples)
        except BaseException:
            self.parameters.update(parts.buffers)
            self.gathered = Gathered()
            raise
        samples = self._samples(found)
        weight = self._weight(targets, samples)
        if weight:
            parts.total = parts.total + weight * self.flat_gradients.astype(np.float64)
            parts.weight += weight
        parts.batches, parts.examples = parts.batches + 1, parts.examples + samples
        return loss

    def _weight(self, targets: Mapping[str, Array], samples: int) -> float:
        """What a batch counts for: its examples, or its labels where the loss ignores or weighs some; where several losses would
        disagree, its examples."""
        entry, shares = self.entries["gradients"], set[float]()
        for k, source in enumerate(entry.sources):
            ignored, weights = entry.ignored.get(source), entry.class_weights.get(k)
            if source not in targets or (ignored is None and weights is None):
                shares.add(float(samples))
                continue
            labels = targets[source] if ignored is None else targets[source][targets[source] != ignored]
            shares.add(float(labels.size) if weights is None
                       else float(np.asarray(weights, np.float64)[labels.astype(np.int64)].sum()))
        return shares.pop() if len(shares) == 1 else float(samples)

    def update(self, **settings: float) -> None:
        """The optimiser's step from the gradients as they lie."""
        with self.gate.exclusive():
            self._step(*self._settings(settings))

    def _settings(self, given: Mapping[str, float]) -> tuple[Rule, dict[str, float]]:
        rule = self.rule
        if rule is None:
            raise TypeError("the spec states no optimiser, or one that this file leaves out")
        unknown = [k for k in given if k not in rule.settings]
        if unknown:
            raise TypeError(f"the optimiser has no {unknown[0]}; it has {', '.join(rule.settings)}")
        return rule, {**rule.settings, **given}

    def _step(self, rule: Rule, now: dict[str, float]) -> None:
        if now.get("clip"):
            self._limit(now["clip"])
        self.steps += 1
        for k, group in enumerate(rule.groups):
            mine = {s: v * group.get(s, 1.0) for s, v in now.items()}
            numbers = rule.scalars(self.steps, mine)
            self.numbers[k, : len(rule.numbers)] = [numbers[n] for n in rule.numbers]
        if self._update is None:
            spaces = {"weights": self.weights, "gradients": self.flat_gradients, "numbers": self.numbers, **self.state}
            m = Recorder(1, spaces, rule.values, self.kernels, {}, self.dtype, self.lanes)
            rule.function(m)
            self._update = m.table()
        self._update.run()
        self.version += 1
        self._take()

    def _limit(self, most: float) -> None:
        """Scale the whole gradient down to this norm where it is larger: a sum of each parameter's, in their order."""
        gradients = (self._gradient(n) for n, p in self.given.items() if p.trainable)
        norm = sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
        if norm > most:
            self.flat_gradients *= most / norm

    def _backward(self, x: Any, y: Any, statistics: bool, key: int) -> float:
        found, targets = self._given(x, y)
        return self._loss(found, targets, statistics, key)

    def _given(self, x: Any, y: Any) -> tuple[dict[str, Array], dict[str, Array]]:
        """A batch, checked: inputs, and targets by the values they are written to."""
        if "gradients" not in self.entries:
            raise TypeError("the spec states no loss: this network predicts")
        entry = self.entries["gradients"]
        given = {entry.aliases.get(k, k): v for k, v in y.items()} if isinstance(y, Mapping) else dict.fromkeys(entry.targets, y)
        if unknown := [name for name in given if name not in entry.targets]:
            raise TypeError(f"the losses have no target {unknown[0]}: give a dict of {', '.join(entry.targets)}")
        missing = [name for name in entry.targets if given.get(name) is None]
        if missing:
            raise TypeError(f"the loss needs a target, {missing[0]}")
        found = self._inputs(x)
        samples = self._samples(found)
        targets = {value: _target(name, given[name], entry.values[value], samples, self.dtype)
                   for name, value in entry.targets.items()}
        for value, classes in entry.classes.items():
            if (targets[value] % 1 != 0).any():
                raise ValueError(f"labels are whole numbers, 0 to {classes - 1}")
            counted = targets[value][targets[value] != entry.ignored.get(value)]
            if not ((counted >= 0) & (counted < classes)).all():
                raise ValueError(
                    f"labels are 0 to {classes - 1}, and here they reach from {counted.min():g} to {counted.max():g}")
        return found, targets

    def _loss(self, found: dict[str, Array], targets: dict[str, Array], statistics: bool, key: int, first: int = 0) -> float:
        """The loss; gradients lie complete behind it."""
        entry, out = self.entries["gradients"], self._run("gradients", found, targets, key, first, statistics)
        return sum(w * float(out[f"loss.{k}"].ravel()[0]) for k, w in enumerate(entry.losses))

    def _move(self, entry: Entry, bound: Bound, inputs: Mapping[str, Array], out: Mapping[str, Array]) -> None:
        """Running statistics move, unless the step is refused."""
        self._check(inputs, [w * float(out[f"loss.{k}"].ravel()[0]) for k, w in enumerate(entry.losses)])
        bound.table.run(first=bound.marks[1], last=bound.marks[-1])
        self.version += 1

    def _check(self, inputs: Mapping[str, Array], losses: list[float]) -> None:
        """Refuse a step whose loss or gradient is not finite, before anything changes."""
        if np.isfinite(sum(losses)) and np.isfinite(self.flat_gradients).all():
            return
        what = [f"input {k} holds such a number" for k, a in inputs.items() if not np.isfinite(a).all()]
        what += [f"parameter {k} holds such a number" for k, a in self.parameters.items() if not np.isfinite(a).all()]
        what += [f"the gradient of {k} does" for k, p in self.given.items() if p.trainable
                 and not np.isfinite(self._gradient(k)).all()]
        raise FloatingPointError(
            f"step {self.steps + 1}: the loss is {sum(losses)}{': ' if what else ''}{'; '.join(what[:3])}; nothing has changed")

    def _gradient(self, name: str) -> Array:
        return unpack(self.flat_gradients, self.stored[name], self.given[name].shape)


def _target(name: str, given: Any, layout: Layout, samples: int, dtype: Any) -> Array:
    """A copy of a target that fits this dtype, so that what is checked is what is used. Axes of length one may be left out."""
    assert isinstance(layout, Image)
    a = np.array(given)
    count, shape = samples * layout.images, (layout.channels, *layout.extents)
    if a.dtype.kind not in "biuf":
        raise ValueError(f"the target {name} holds no numbers")
    if not a.ndim or len(a) != count or [s for s in a.shape[1:] if s != 1] != [s for s in shape if s != 1]:
        raise ValueError(
            f"the target {name} is {' x '.join(str(s) for s in (count, *shape) if s != 1) or 1}, one for each example, not {a.shape}")
    if not np.isfinite(a).all():
        raise ValueError(f"the target {name} holds a number that is not finite")
    held(f"the target {name}", a, dtype)
    return a
