"""A step that came to nothing, run again formula by formula: the first value that is not finite, and whose it is.

The formulas are those of the training program as it is before anything is fused, run by NumPy in the network's own dtype, forward
and then backward, until the first such value. Values are let go of when nothing reads them any more, so that a large network
needs about the memory that its training does; what takes longer than `PATIENCE` is given up, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.executor import Executor
from ...backends.reference.interpret import evaluate_node
from ...ir.formula import Formula, Pieces
from ...ir.graph import Graph, Input, Node, Parameter
from ...passes.differentiate import training_program
from ...passes.objective import Term, as_given

Array = NDArray[Any]
PATIENCE = 100.0  # seconds


@dataclass(frozen=True)
class Origin:
    """The first value that is not finite. `example` is its number in the batch, None where no single one makes it so."""

    node: Node
    value: float
    gradient: bool
    example: int | None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader wants to know of it, the example apart."""
        n = self.node
        what = n.notes[0] if n.notes else n.name
        where = f", {n.spans[0]}" if n.spans else ""
        return (
            f"the first such number is {self.value}, {'in the gradient' if self.gradient else 'in what is computed forward'} of `{what}`{where}", f"formula: {n.op}")


def origin(run: Executor, inputs: Mapping[str, Array], targets: Mapping[str, Array], terms: Sequence[Term]) -> Origin | str:
    """Where it begins, or why that is not known."""
    program, samples, began = training_program(run.graph, as_given(tuple(terms), targets)), run.samples(inputs), perf_counter()
    last = {i: k for k, n in enumerate(program.nodes) for i in n.inputs}
    losses = {v for public, v in program.outputs if public.startswith("loss.")}
    env: dict[str, Array] = {}
    backward = False
    for k, n in enumerate(program.nodes):
        if perf_counter() - began > PATIENCE:
            return f"the first such number was not found in {PATIENCE:.0f} seconds; all is finite up to {n.name}"
        if isinstance(n.op, Formula | Pieces):
            made = _evaluated(n, program, env, samples, run)
            bad = None if n.effect else next((v for v in made.values() if not np.isfinite(v).all()), None)
            if bad is not None:
                at = int(np.argmin(np.isfinite(bad).reshape(-1)))
                example = at // (bad.size // samples) if n.type.batch else _of_one(n, program, env, samples, run)
                return Origin(n, float(bad.reshape(-1)[at]), backward, example)
            env |= made
        else:
            env[n.name] = _given(n, run, inputs, targets).reshape(((samples * n.type.batch,) if n.type.batch else ())
                                                                  + tuple(s or 0 for s in n.type.shape))
        backward = backward or n.name in losses
        for i in n.inputs:
            if last[i] == k and not isinstance(program.maker[i].op, Parameter):
                env.pop(i, None)
    return "run again in NumPy every number is finite: some are at the very limit of what this dtype holds"


def _evaluated(n: Node, program: Graph, env: Mapping[str, Array], samples: int, run: Executor) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        return evaluate_node(n, program, env, samples, run.dtype.type)


def _given(n: Node, run: Executor, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> Array:
    """What comes from outside of the program."""
    if isinstance(n.op, Parameter):
        return run.get(n.name)
    if isinstance(n.op, Input) and n.op.role == "scalar":
        return np.array([run.scalar(n.name)])
    return np.asarray((inputs if isinstance(n.op, Input) and n.op.role == "input" else targets)[n.name], run.dtype)


def _of_one(n: Node, program: Graph, env: Mapping[str, Array], samples: int, run: Executor) -> int | None:
    """The first example that makes a sum over the batch not finite by itself."""
    each = {i: program.values[i].type.batch for i in n.inputs}
    if not any(each.values()):
        return None
    for k in range(samples):
        alone = {i: env[i][k * b : (k + 1) * b] if b else env[i] for i, b in each.items()}
        if not all(np.isfinite(v).all() for v in _evaluated(n, program, alone, 1, run).values()):
            return k
    return None
