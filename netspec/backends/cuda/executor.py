"""The CUDA backend: programs become kernels over flat arrays of one device."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...ir.graph import Graph
from ...passes import run as passed
from ...passes.infer_shapes import infer_shapes
from ...waiting import wait
from ..border import Border, Result, border
from ..executor import ENTRIES, Check, Executor, Make, Outcome
from ..vectors import GRADIENTS, WEIGHTS, Array
from .body import THREADS, Kernel
from .device import Device, NumbaDevice
from .plan import KEYS, Plan, plan
from .update import Update
from .vectors import CudaVectors


@dataclass(frozen=True)
class Entry:
    """A program's kernels, and what comes in and goes out."""

    plan: Plan
    border: Border


class CudaExecutor(Executor):
    """One thread a place, tiles for contractions; every sum in an order of its own, so that runs repeat bit for bit.

    Callers take turns: there is one arena, and the device runs one launch after another anyway."""

    device = "cuda"
    numbers: CudaVectors

    def __init__(self, graph: Graph, dtype: str = "float32", on: Device | None = None):
        graph, self.on = passed(graph, (infer_shapes(),)), on or NumbaDevice()
        super().__init__(graph, CudaVectors(graph, dtype, self.on))
        self.turn = self.numbers.turn  # of whoever uses the device: one thread at a time
        self.arena: Any = self.on.empty(1, self.dtype)
        self.scratch: Any = self.on.empty(1, self.dtype)
        self.arena_size = self.scratch_size = 1
        self.launched: deque[Plan] = deque(maxlen=ENTRIES)  # plans that have run
        self.scalars: tuple[int, ...] = ()  # what lies in keys
        self.keys = self.on.zeros(KEYS, np.dtype(np.int64))

    def finite_gradients(self) -> bool:
        return self.numbers.finite_gradients()

    def planned(self, make: Make, samples: int, evaluation: bool) -> Entry:
        """It holds for every number of samples."""
        made = plan(make(self.graph), self.numbers.places)
        return Entry(made, border(made.program, self.graph))

    def rule(self, optimiser: Any) -> Update:
        return Update(optimiser, self.numbers)

    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        with self.turn.lock:
            super().update(optimiser, settings)

    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        samples = self.samples(inputs)
        entry: Entry = self.entry(key, make, samples, evaluation)
        with self.turn.lock:
            self._room(entry.plan, samples)
            for name, is_input in entry.border.feeds:
                self.on.write(self.arena, entry.plan.places[name].at * samples,
                              np.asarray((inputs if is_input else others)[name], self.dtype))
            scalars = tuple(self.scalar(name) for name in entry.plan.scalars)
            if scalars != self.scalars:
                self.on.write(self.keys, 0, np.array(scalars, np.int64))
                self.scalars = scalars
            self.numbers.complete(weights, self.version)
            self._launch(self._counted(entry.plan), samples, weights)
            move = partial(self._launch, entry.plan.effects, samples, weights) if effects else None
            return self.outcome(entry.border, partial(self._read, entry.plan, samples), move, check)

    def _room(self, entry: Plan, samples: int) -> None:
        """Memory for the values of so many samples."""
        if samples * entry.arena > self.arena_size:
            self.arena, self.arena_size = None, 0  # there may be no room for both
            self.arena = self.on.empty(samples * entry.arena, self.dtype)
            self.arena_size = samples * entry.arena
        if entry.vectors > self.scratch_size:
            self.scratch, self.scratch_size = None, 0
            self.scratch = self.on.empty(entry.vectors, self.dtype)
            self.scratch_size = entry.vectors

    def _counted(self, made: Plan) -> Iterable[Kernel]:
        """The kernels of a plan; where it runs for the first time, those that are compiled for it are counted."""
        if any(made is known for known in self.launched):
            yield from made.kernels
            return
        self.launched.append(made)
        new = {k.text for k in made.kernels if self.on.missing(k.text, self.dtype)}
        of = len(new)
        with wait("compiling kernel", of) as at:
            for k in made.kernels:
                if k.text in new:
                    new.remove(k.text)
                    at(of - len(new))
                yield k

    def _launch(self, kernels: Iterable[Kernel], samples: int, weights: str) -> None:
        for k in kernels:
            arguments = (self.arena, self.numbers[weights], self.numbers[GRADIENTS], self.scratch, self.keys, samples, *k.begins)
            self.on.launch(k.text, k.name, self.dtype, k.blocks(samples), THREADS, arguments)

    def _read(self, entry: Plan, samples: int, result: Result) -> Array:
        """A canonical copy."""
        t, place = result.value.type, entry.places[result.value.name]
        array = self.arena if place.space == "arena" else self.scratch if place.space == "vectors" else self.numbers[place.space]
        if not t.batch:
            return self.on.read(array, place.at, t.size).reshape(result.shape)
        return self.on.read(array, place.at * samples, samples * t.batch * t.size).reshape(-1, *result.shape)
