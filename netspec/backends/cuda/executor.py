"""The CUDA backend: programs become kernels over flat arrays of one device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...ir.graph import Graph
from ...passes import run as passed
from ...passes.infer_shapes import infer_shapes
from ..executor import ENTRIES, RULES, WEIGHTS, Array, Check, Executor, Make, Outcome
from ..turns import Recent, Turn
from .body import THREADS, Kernel
from .device import Device, NumbaDevice
from .plan import KEYS, Plan, plan, store_places
from .update import FINITE, Update


class CudaExecutor(Executor):
    """One thread a place, tiles for contractions; every sum in an order of its own, so that runs repeat bit for bit.

    Callers take turns: there is one arena, and the device runs one launch after another anyway."""

    device = "cuda"

    def __init__(self, graph: Graph, dtype: str = "float32", on: Device | None = None):
        super().__init__(passed(graph, (infer_shapes(),)), dtype)
        self.on = on or NumbaDevice()
        self.store, self.size = store_places(self.graph)
        self.trainable = max((self.store[p.name].at + p.size for p in self.graph.parameters if p.trainable), default=0)
        self.arrays = {"weights": self.on.zeros(self.size, self.dtype), "gradients": self.on.zeros(self.size, self.dtype)}
        self.arena: Any = self.on.empty(1, self.dtype)
        self.scratch: Any = self.on.empty(1, self.dtype)
        self.arena_size = self.scratch_size = 1
        self.numbers: tuple[int, ...] = ()  # what lies in keys
        self.keys = self.on.zeros(KEYS, np.dtype(np.int64))
        self.plans: Recent[Any, Plan] = Recent(ENTRIES)
        self.updates: Recent[Any, Update] = Recent(RULES)
        self._others: dict[str, int] = {}  # states that parameters are read from -> the version of what is not trained in them
        self.turn = Turn()  # of whoever uses the device: one thread at a time
        self.shapes = {n.name: n.type.shape for n in self.graph.inputs} | {public: self.graph.values[v].type.shape
                                                                           for public, v in self.graph.outputs}

    # ---- parameters ------------------------------------------------------------------------------------------------------------
    def get(self, name: str) -> Array:
        return self._read("weights", name)

    def set(self, name: str, value: Array) -> None:
        self._write("weights", name, value)

    def gradient(self, name: str) -> Array:
        return self._read("gradients", name)

    def set_gradient(self, name: str, value: Array) -> None:
        self._write("gradients", name, value)

    def get_state(self, slot: str, name: str) -> Array:
        return self._read(self.slot(slot), name)

    def set_state(self, slot: str, name: str, value: Array) -> None:
        self._write(self.slot(slot), name, value)

    def slot(self, name: str) -> str:
        """One of the optimiser's states, in the order of the store."""
        if name not in self.arrays:
            self.arrays[name] = self.on.zeros(self.size, self.dtype)
        return name

    def vectors(self, what: str) -> list[Array]:
        return [self.on.read(self.arrays[self.slot(what)], 0, self.trainable)]

    def set_vectors(self, what: str, values: list[Array]) -> None:
        with self.turn.lock:
            self.on.write(self.arrays[self.slot(what)], 0, values[0])
            self.version += what != "gradients"

    def finite_gradients(self) -> bool:
        """A number for each thread of a few blocks comes back, not the gradients."""
        blocks = min(64, -(-self.trainable // THREADS))
        found = self.on.empty(blocks * THREADS, self.dtype)
        self.on.launch(FINITE, "finite", self.dtype, blocks, THREADS,
                       (self.arrays["gradients"], found, self.trainable, blocks * THREADS))
        return bool(np.isfinite(self.on.read(found, 0, blocks * THREADS)).all())

    def _read(self, array: str, name: str) -> Array:
        p = self.parameters[name]
        with self.turn.lock:
            return self.on.read(self.arrays[array], self.store[name].at, p.size).reshape(p.shape)

    def _write(self, array: str, name: str, value: Array) -> None:
        p = self.parameters[name]
        with self.turn.lock:
            self.on.write(self.arrays[array], self.store[name].at, np.asarray(value, self.dtype).reshape(p.shape))
            self.version += array != "gradients"

    # ---- entries ---------------------------------------------------------------------------------------------------------------
    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        key = (optimiser, "l1" in next(iter(settings.values()), {}))
        with self.turn.lock:
            rule = self.updates.get(key) or self.updates.put(key, Update(optimiser))
            rule.run(self, settings)
            self.version += 1

    def plan(self, key: Any, make: Make) -> Plan:
        """The plan of an entry, made at its first use; it holds for every number of samples."""
        with self.planning.lock:
            return self.plans.get(key) or self.plans.put(key, plan(make(self.graph), self.store))

    def _run(self, entry: Plan, inputs: Mapping[str, Array], others: Mapping[str, Array], weights: str) -> None:
        samples = self.samples(inputs)
        if samples * entry.arena > self.arena_size:
            self.arena, self.arena_size = None, 0  # there may be no room for both
            self.arena = self.on.empty(samples * entry.arena, self.dtype)
            self.arena_size = samples * entry.arena
        if entry.vectors > self.scratch_size:
            self.scratch, self.scratch_size = None, 0
            self.scratch = self.on.empty(entry.vectors, self.dtype)
            self.scratch_size = entry.vectors
        for name, is_input in entry.feeds:
            self.on.write(self.arena, entry.places[name].at * samples,
                          np.asarray((inputs if is_input else others)[name], self.dtype))
        numbers = tuple(self.scalar(name) for name in entry.scalars)
        if numbers != self.numbers:
            self.on.write(self.keys, 0, np.array(numbers, np.int64))
            self.numbers = numbers
        self._provide(weights)
        for k in entry.kernels:
            self._launch(k, samples, weights)

    def _provide(self, weights: str) -> None:
        """A state that parameters are read from needs those that are not trained as well."""
        if weights != WEIGHTS and self._others.get(weights) != self.version:
            rest = self.on.read(self.arrays[WEIGHTS], self.trainable, self.size - self.trainable)
            self.on.write(self.arrays[self.slot(weights)], self.trainable, rest)
            self._others[weights] = self.version

    def _launch(self, k: Kernel, samples: int, weights: str) -> None:
        arguments = (self.arena, self.arrays[weights], self.arrays["gradients"], self.scratch, self.keys, samples, *k.begins)
        self.on.launch(k.text, k.name, self.dtype, k.blocks(samples), THREADS, arguments)

    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        entry = self.plan(key, make)
        samples = self.samples(inputs)
        with self.turn.lock:
            self._run(entry, inputs, others, weights)
            values = {public: self.value(entry, v, samples, public) for public, v in entry.program.outputs}
            losses = tuple(float(v[0]) for k, v in values.items() if k.startswith("loss."))
            if check is not None:
                check(losses)
            for k in entry.effects if effects else ():
                self._launch(k, samples, weights)
            self.version += effects
            outputs = {k: v for k, v in values.items() if not k.startswith("loss.")}
            asked = {name: g for name, g in entry.program.gradients if name not in self.parameters}
            return Outcome(losses, outputs, {name: self.value(entry, g, samples, name) for name, g in asked.items()})

    def value(self, entry: Plan, value: str, samples: int, public: str = "") -> Array:
        """A copy of a stored value, in the shape of the network's input or output `public`, if it is one."""
        t, place = entry.program.values[value].type, entry.places[value]
        sizes = tuple(s or 0 for s in self.shapes.get(public, t.shape))
        array = self.arena if place.space == "arena" else self.scratch if place.space == "vectors" else self.arrays[place.space]
        if not t.batch:
            return self.on.read(array, place.at, t.size).reshape(sizes)
        return self.on.read(array, place.at * samples, samples * t.batch * t.size).reshape(-1, *sizes)
