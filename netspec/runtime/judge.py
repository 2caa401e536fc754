"""Losses of outputs that were already computed, by the losses' own formulas in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.reference.interpret import run
from ..ir.graph import Graph, Input, Node, Value
from ..ir.types import TensorType
from ..passes.lower import Program, Writer
from ..passes.objective import Term

Array = NDArray[Any]


def ends_in(graph: Graph, term: Term) -> bool:
    """Whether the output ends in the operation the loss wants to compute itself, stably, from that operation's input."""
    maker = graph.maker[dict(graph.outputs)[term.output]]
    return bool(term.loss.after) and getattr(maker.op, "name", "") == term.loss.after


def loss_of(graph: Graph, term: Term, outputs: Mapping[str, Array], targets: Mapping[str, Array], inputs: Mapping[str, Array]) -> float:
    """The unweighted mean loss of a batch whose outputs in evaluation mode are known."""
    t = graph.values[dict(graph.outputs)[term.output]].type
    first = graph.inputs[0].name
    program = _program(term.loss, t)
    target = inputs[first] if term.target == "input" else inputs[term.source] if term.source in inputs else targets[term.source]
    z = np.asarray(outputs[term.output], np.float64)
    env = run(program, {"z": z, "t": np.asarray(target, np.float64)}, len(z) // max(1, t.batch), np.float64)
    return float(env[program.outputs[0][1]][0])


def share(term: Term, targets: Mapping[str, Array], examples: int) -> float:
    """What a batch counts for in a mean over batches: its examples, or what its labels weigh where a loss ignores some or
    weighs classes."""
    ignore, weights = getattr(term.loss, "ignore", None), getattr(term.loss, "weights", None)
    if ignore is None and weights is None:
        return float(examples)
    labels = targets[term.source]
    labels = labels[labels != ignore] if ignore is not None else labels
    return float(np.asarray(weights, np.float64)[labels].sum()) if weights is not None else float(labels.size)


class MeanLoss:
    """The weighted loss of what was added so far, each term a mean over what its batches count for (`share`)."""

    def __init__(self, terms: Sequence[Term]):
        self.terms = terms
        self.sums, self.shares = [0.0] * len(terms), [0.0] * len(terms)

    def add(self, losses: Sequence[float], targets: Mapping[str, Array], examples: int) -> float:
        """The loss of this batch, without the terms whose labels it all ignores: their mean is none."""
        loss = 0.0
        for k, (t, v) in enumerate(zip(self.terms, losses)):
            counts = share(t, targets, examples)
            if counts:
                self.sums[k], self.shares[k], loss = self.sums[k] + counts * v, self.shares[k] + counts, loss + t.weight * v
        return float(loss)

    @property
    def value(self) -> float:
        """NaN where every label was ignored."""
        return sum(t.weight * (a / b if b else float("nan")) for t, a, b in zip(self.terms, self.sums, self.shares))


@lru_cache(maxsize=64)
def _program(loss: Any, t: TensorType) -> Graph:
    p = Program(False)
    for name, of in (("z", t), ("t", loss.target(t))):
        p.append(Node(name, Input("input"), (), (Value(name, of),)))
    value = loss.forward(Writer(p, "loss", Node("loss", loss)), "z", "t")
    return Graph("loss", tuple(p.nodes), (("loss", value),)).verify()
