"""An optimiser's update rule over the flat store: one kernel, launched for each run of parameters with equal settings."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...ir.formula import Formula, access
from ...ir.graph import Graph
from ...ir.layout import round_up
from ...passes.objective import update_program
from ..vectors import GRADIENTS, WEIGHTS, Groups, stretches
from .body import THREADS
from .places import ALIGNED
from .spelling import Writer, floats
from .vectors import CudaVectors


class Update:
    """The kernel of one rule."""

    def __init__(self, optimiser: Any, numbers: CudaVectors):
        self.optimiser, self.numbers = optimiser, numbers
        self.text: str | None = None
        self.scalars: list[Any] = []  # of each group, on the device

    def run(self, groups: Groups) -> None:
        n, on = self.numbers, self.numbers.on
        vectors = (WEIGHTS, GRADIENTS, *self.optimiser.state)
        for k, (values, group) in enumerate(groups.items()):
            if self.text is None:
                program, outs = update_program(self.optimiser, 1, "l1" in dict(values))
                self.text = update_text(program, outs, vectors, [name for name, _ in values])
            if k == len(self.scalars):
                self.scalars.append(on.empty(len(values), n.dtype))
            on.write(self.scalars[k], 0, np.array([v for _, v in values], n.dtype))
            for at, size in stretches((n.places[name].at, round_up(n.parameters[name].size, ALIGNED)) for name in group):
                on.launch(self.text, "update", n.dtype, -(-size // THREADS), THREADS,
                          (*(n[v] for v in vectors), self.scalars[k], at, size))


def update_text(program: Graph, outs: Mapping[str, str], vectors: tuple[str, ...], numbers: list[str]) -> str:
    """The rule for one element a thread: all of it read before any of it is written."""
    w = Writer()
    w.open(f"def update({', '.join(vectors)}, numbers, first, count):")
    w.line("item = cuda.grid(1)")
    w.open("if item < count:")
    w.line("i = first + item")
    held = {v: w.fresh(f"{v}[i]") for v in vectors} | {v: w.fresh(f"numbers[{k}]") for k, v in enumerate(numbers)}
    for n in program.nodes:
        if isinstance(n.op, Formula):
            bound = dict(zip(n.op.operands, n.inputs))

            def read(s: ast.Subscript, bound: dict[str, str] = bound) -> str:
                return held[bound[access(s).name]]

            held[n.name] = w.fresh(floats(w, n.op.right, read, {}))
    for public, v in outs.items():
        w.line(f"{public}[i] = {held[v]}")
    return "\n".join(w.lines) + "\n"
