"""An optimiser's update rule over the flat store: one kernel, launched for each run of parameters with equal settings."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.formula import Formula, access
from ...ir.graph import Graph
from ...passes.objective import update_program
from .body import THREADS
from .spelling import Writer, floats

if TYPE_CHECKING:
    from .executor import CudaExecutor


FINITE = """\
def finite(gradients, found, count, threads):
    item = cuda.grid(1)
    held = F(0.0)
    for i in range(item, count, threads):
        held = held + (gradients[i] - gradients[i])
    found[item] = held
"""  # g - g is 0, or NaN where g is NaN or infinite


class Update:
    """The kernel of one rule."""

    def __init__(self, optimiser: Any):
        self.optimiser = optimiser
        self.text: str | None = None
        self.numbers: list[Any] = []  # of each group, on the device

    def run(self, o: CudaExecutor, settings: Mapping[str, Mapping[str, float]]) -> None:
        equal: dict[tuple[tuple[str, float], ...], list[str]] = {}
        for name, s in settings.items():
            equal.setdefault(tuple(s.items()), []).append(name)
        vectors = ("weights", "gradients", *(o.slot(s) for s in self.optimiser.state))
        for k, (values, group) in enumerate(equal.items()):
            if self.text is None:
                program, outs = update_program(self.optimiser, 1, "l1" in dict(values))
                self.text = update_text(program, outs, vectors, [name for name, _ in values])
            if k == len(self.numbers):
                self.numbers.append(o.on.empty(len(values), o.dtype))
            numbers = self.numbers[k]
            o.on.write(numbers, 0, np.array([v for _, v in values], o.dtype))
            for at, size in self._stretches(o, group):
                o.on.launch(self.text, "update", o.dtype, -(-size // THREADS), THREADS,
                            (*(o.arrays[v] for v in vectors), numbers, at, size))

    def _stretches(self, o: CudaExecutor, group: list[str]) -> list[tuple[int, int]]:
        """Stretches of the store, as start and size, that hold these parameters and, but for padding, nothing else."""
        chosen = set(group)
        out: list[tuple[int, int]] = []
        for name, place in sorted(o.store.items(), key=lambda item: item[1].at):
            size = o.parameters[name].size
            if name not in chosen:
                out.append((place.at, 0))
            elif out and out[-1][1]:
                out[-1] = (out[-1][0], place.at + size - out[-1][0])
            else:
                out.append((place.at, size))
        return [(at, size) for at, size in out if size]


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
