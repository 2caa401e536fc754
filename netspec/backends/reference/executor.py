"""The reference backend: every entry interpreted formula by formula, in float64 or float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...ir.graph import Graph, Input, Parameter
from ...passes.objective import update_program
from ..border import Border, border
from ..executor import Check, Executor, Make, Outcome
from ..vectors import GRADIENTS, WEIGHTS, Array, Groups, Vectors
from .interpret import run as interpret


class Arrays(Vectors[dict[str, Array]]):
    """An array for each parameter."""

    def zeros(self) -> dict[str, Array]:
        return {name: np.zeros(p.shape, self.dtype) for name, p in self.parameters.items()}

    def read(self, vector: str, name: str) -> Array:
        return self[vector][name].copy()

    def write(self, vector: str, name: str, value: Array) -> None:
        self[vector][name] = value.copy()  # it may be a view of another

    def trained(self, vector: str) -> list[Array]:
        held = self[vector]
        return [held[name] for name, p in self.parameters.items() if p.trainable]

    def put_trained(self, vector: str, values: list[Array]) -> None:
        for held, v in zip(self.trained(vector), values):
            held[...] = v

    def share(self, vector: str) -> None:
        self[vector].update({name: a for name, a in self[WEIGHTS].items() if not self.parameters[name].trainable})


@dataclass(frozen=True)
class Entry:
    """A program as it is interpreted, and what comes in and goes out."""

    program: Graph
    border: Border


class Update:
    """An update rule, interpreted for one parameter after the other."""

    def __init__(self, optimiser: Any, numbers: Arrays):
        self.optimiser, self.numbers = optimiser, numbers

    def run(self, groups: Groups) -> None:
        vectors, dtype = (WEIGHTS, GRADIENTS, *self.optimiser.state), self.numbers.dtype
        for scalars, names in groups.items():
            for name in names:
                p = self.numbers.parameters[name]
                program, _ = update_program(self.optimiser, p.size, "l1" in dict(scalars))
                values = {v: self.numbers[v][name].ravel() for v in vectors} | {k: np.array([v], dtype) for k, v in scalars}
                env = interpret(program, values, 1, dtype.type)
                for public, v in program.outputs:
                    self.numbers.write(public, name, np.asarray(env[v], dtype).reshape(p.shape))


class ReferenceExecutor(Executor):
    """Slow, plain, and the meaning of everything the other backends do."""

    device = "reference"
    numbers: Arrays

    def __init__(self, graph: Graph, dtype: str = "float64"):
        super().__init__(graph, Arrays(graph, dtype))

    def planned(self, make: Make, samples: int, evaluation: bool) -> Entry:
        program = make(self.graph).verify()
        return Entry(program, border(program, self.graph))

    def rule(self, optimiser: Any) -> Update:
        return Update(optimiser, self.numbers)

    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        samples = self.samples(inputs)
        entry: Entry = self.entry(key, make, samples, evaluation)
        program = entry.program
        env = interpret(program, self._values(program, inputs, others, weights), samples, self.dtype.type)
        for name, g in program.gradients:
            if name in self.parameters:
                self.numbers.write(GRADIENTS, name, env[g].reshape(self.parameters[name].shape))

        def move() -> None:
            for n in program.nodes:
                if n.effect:
                    self.numbers.write(WEIGHTS, n.effect, env[n.name].reshape(self.parameters[n.effect].shape))

        # an output may be an input as it is
        return self.outcome(entry.border, lambda r: env[r.value.name].copy(), move if effects else None, check)

    def _values(self, program: Graph, inputs: Mapping[str, Array], others: Mapping[str, Array], weights: str) -> dict[str, Array]:
        """Whatever the program reads."""
        self.numbers.complete(weights, self.version)
        held, values = self.numbers[weights], {}
        for n in program.nodes:
            if isinstance(n.op, Parameter):
                values[n.name] = held[n.name]
            elif isinstance(n.op, Input) and n.op.role == "scalar":
                values[n.name] = np.array([self.scalar(n.name)])
            elif isinstance(n.op, Input):
                values[n.name] = np.asarray((inputs if n.op.role == "input" else others)[n.name], self.dtype)
        return values
