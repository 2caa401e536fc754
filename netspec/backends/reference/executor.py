"""The reference backend: every entry interpreted formula by formula, in float64 or float32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...ir.graph import Graph, Input, Parameter
from ...passes.objective import update_program
from ..executor import ENTRIES, WEIGHTS, Array, Check, Executor, Make, Outcome
from ..turns import Recent
from .interpret import run as interpret


class ReferenceExecutor(Executor):
    """Slow, plain, and the meaning of everything the other backends do."""

    device = "reference"

    def __init__(self, graph: Graph, dtype: str = "float64"):
        super().__init__(graph, dtype)
        self.store: dict[str, Array] = {p.name: np.zeros(p.shape, self.dtype) for p in graph.parameters}
        self.grads: dict[str, Array] = {}
        self.state: dict[tuple[str, str], Array] = {}
        self.programs: Recent[Any, Graph] = Recent(ENTRIES)

    def get(self, name: str) -> Array:
        return self.store[name].copy()

    def set(self, name: str, value: Array) -> None:
        self.store[name] = np.array(value, self.dtype).reshape(self.parameters[name].shape)
        self.version += 1

    def gradient(self, name: str) -> Array:
        return self.grads[name].copy()

    def set_gradient(self, name: str, value: Array) -> None:
        self.grads[name] = np.array(value, self.dtype).reshape(self.parameters[name].shape)

    def get_state(self, slot: str, name: str) -> Array:
        return self.state.get((slot, name), np.zeros(self.parameters[name].shape, self.dtype)).copy()

    def set_state(self, slot: str, name: str, value: Array) -> None:
        self.state[slot, name] = np.array(value, self.dtype).reshape(self.parameters[name].shape)
        self.version += 1

    def vectors(self, what: str) -> list[Array]:
        free = [p for p in self.graph.parameters if p.trainable]
        if what == "weights":
            return [self.store[p.name] for p in free]
        if what == "gradients":
            self.grads = {k: g.copy() for k, g in self.grads.items()}  # they may be views of one another
            return [self.grads[p.name] for p in free]
        for p in free:
            self.state.setdefault((what, p.name), np.zeros(p.shape, self.dtype))
        return [self.state[what, p.name] for p in free]

    def set_vectors(self, what: str, values: list[Array]) -> None:
        for held, v in zip(self.vectors(what), values):
            held[...] = v
        self.version += what != "gradients"

    def program(self, key: Any, make: Make) -> Graph:
        with self.planning.lock:
            return self.programs.get(key) or self.programs.put(key, make(self.graph).verify())

    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        program = self.program(key, make)
        env = self._run(program, inputs, others, weights)
        asked = {n.name for n in program.inputs}
        for name, g in program.gradients:
            if name not in asked:
                self.grads[name] = env[g].reshape(self.parameters[name].shape)
        losses = tuple(float(env[v][0]) for k, v in program.outputs if k.startswith("loss."))
        if check is not None:
            check(losses)
        if effects:
            for n in program.nodes:
                if n.effect:
                    self.store[n.effect] = env[n.name].reshape(self.parameters[n.effect].shape)
            self.version += 1
        # an output may be an input as it is
        outputs = {k: env[v].copy() for k, v in program.outputs if not k.startswith("loss.")}
        return Outcome(losses, outputs, {name: env[g].copy() for name, g in program.gradients if name in asked})

    def _run(self, program: Graph, inputs: Mapping[str, Array], others: Mapping[str, Array], weights: str) -> dict[str, Array]:
        samples = self.samples(inputs)
        values: dict[str, Array] = {}
        for n in program.nodes:
            if isinstance(n.op, Parameter):
                read = weights != WEIGHTS and self.parameters[n.name].trainable
                values[n.name] = self.state[weights, n.name] if read else self.store[n.name]
            elif isinstance(n.op, Input) and n.op.role == "scalar":
                values[n.name] = np.array([self.scalar(n.name)])
            elif isinstance(n.op, Input):
                values[n.name] = np.asarray((inputs if n.op.role == "input" else others)[n.name], self.dtype)
        return interpret(program, values, samples, self.dtype.type)

    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        for name, scalars in settings.items():
            p = self.parameters[name]
            program, _ = update_program(optimiser, p.size, "l1" in scalars)
            values: dict[str, Array] = {"weights": self.store[name].ravel(), "gradients": self.grads[name].ravel()}
            values |= {s: self.get_state(s, name).ravel() for s in optimiser.state}
            values |= {k: np.array([v], self.dtype) for k, v in scalars.items()}
            env = interpret(program, values, 1, self.dtype.type)
            for public, v in program.outputs:
                if public == "weights":
                    self.set(name, env[v])
                else:
                    self.set_state(public, name, env[v])
