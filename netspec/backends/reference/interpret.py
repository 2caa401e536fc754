"""The meaning of every operation: index formulas run by NumPy, one at a time, in the order of the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.formula import Formula, Pieces
from ...ir.graph import Graph, Input, Node
from ...ir.types import TensorType
from .formulas import evaluate

Array = NDArray[Any]


def run(graph: Graph, values: Mapping[str, Array], samples: int, dtype: Any = np.float64) -> dict[str, Array]:
    """Every value of a program, given its inputs and parameters. Effects are returned as values; nothing is written. What
    overflows is infinite, and nothing is said of it: that is for the caller to see."""
    env: dict[str, Array] = {k: np.asarray(v) for k, v in values.items()}
    for node in graph.nodes:
        if isinstance(node.op, Formula | Pieces):
            with np.errstate(all="ignore"):
                env |= evaluate_node(node, graph, env, samples, dtype)
        else:
            for v in node.results:
                if isinstance(node.op, Input) and node.op.role == "scalar":
                    env.setdefault(v.name, np.zeros(1, np.int64))  # what nobody has set
                if v.name in env:
                    env[v.name] = env[v.name].reshape(_shape(v.type, samples))
    return env


def evaluate_node(node: Node, graph: Graph, env: Mapping[str, Array], samples: int, dtype: Any) -> dict[str, Array]:
    if isinstance(node.op, Pieces):
        shape, whole = _shape(node.type, samples), None
        for f, inputs in node.op.bind(node.inputs):
            extents = f.extents(tuple(graph.values[i].type for i in inputs), ())
            (part,) = evaluate(f, {o: env[i] for o, i in zip(f.operands, inputs)}, extents, shape, samples, dtype)
            whole = part if whole is None else whole + part
        assert whole is not None
        return {node.name: whole}
    f = node.formula
    operands = {o: env[i] for o, i in zip(f.operands, node.inputs)}
    types = tuple(graph.values[i].type for i in node.inputs)
    extents = f.extents(types, tuple(v.type for v in node.results))
    shape = _shape(node.type, samples)
    outs = evaluate(f, operands, extents, shape, samples, dtype)
    return {v.name: o for v, o in zip(node.results, outs)}


def _shape(t: TensorType, samples: int) -> tuple[int, ...]:
    return ((samples * t.batch,) if t.batch else ()) + tuple(s or 0 for s in t.shape)
