"""One example forward and backward, in float64 by the reference backend, for a drawing: scalar by scalar, or tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.reference.interpret import run as interpret
from ..ir.graph import Graph, Input, Parameter
from ..passes.differentiate import differentiate
from ..passes.lower import lower
from ..passes.objective import Term, as_given, with_losses
from ..views.backprop import drawn, norms
from ..views.backprop.circuit import Circuit, TooMany, circuit
from ..views.backprop.film import Film
from ..views.drawing.looks import kind_of
from ..views.drawing.sheet import theme_of
from ..views.reading.steps import steps
from .io import arrays
from .misuse import RunError, misuse
from .sizes import of_sizes
from .state import State
from .train.recipe import changed

Array = NDArray[Any]


class NoTarget(RunError):
    """Gradients are of one number, and without a target there is none."""


def backprop(state: State, x: Any, y: Any, loss: Any, theme: str) -> Film:
    """See `Network.backprop`."""
    colours, passed = theme_of(theme), example(state, x, y, loss)
    try:
        return drawn.drawn(passed.circuit, passed.title, colours)
    except TooMany:
        return norms.drawn(passed.norms, passed.title, passed.begins, colours)


def example(state: State, x: Any, y: Any, loss: Any) -> Passed:
    """Run one example forward and backward in evaluation mode.

    Errors: see `Network.backprop`.
    """
    found = arrays.inputs(state.graph, x)
    if arrays.count(found) != 1:
        raise misuse("wrong-shape", f"backpropagation is drawn of one example, and these are {arrays.count(found)}", hint="x[:1]")
    graph = of_sizes(state, found)
    terms, wanted = _judged(state, graph, y, loss)
    lowered = lower(training=False)(graph)
    assert lowered.lowered is not None
    meant = lowered.lowered.values
    inner = tuple(dict.fromkeys(meant[s.last.name] for s in steps(graph)))
    program = differentiate(terms, inputs=True, inner=inner)(lowered)
    if terms:
        scalars = with_losses(lowered, terms, backward=False)[0]
        last = [(v, t.weight) for t, (_, v) in zip(terms, scalars.outputs[len(lowered.outputs):])]
    else:
        scalars, last = lowered, [(_only(graph, lowered), 1.0)]
    values: dict[str, Array] = {}
    for n in program:
        if isinstance(n.op, Parameter):
            values[n.name] = np.asarray(state.store.get(n.name), np.float64)
        elif isinstance(n.op, Input) and n.op.role == "cotangent":
            v = graph.public[n.name.removeprefix("d.")]
            values[n.name] = np.full((max(1, n.type.batch), *(s or 0 for s in n.type.shape)), float(meant[v] == last[0][0]))
        elif isinstance(n.op, Input) and n.op.role != "scalar":
            values[n.name] = np.asarray((found if n.op.role == "input" else wanted)[n.name], np.float64)
    return Passed(graph, scalars, program, interpret(program, values, 1), tuple(last), terms, meant)


@dataclass(frozen=True)
class Passed:
    """All that one example has come to."""

    graph: Graph
    scalars: Graph  # the program forward, losses included
    program: Graph  # forward and backward
    values: Mapping[str, Array]  # of the program, in float64
    last: tuple[tuple[str, float], ...]  # what gradients are of: values of one number, and their weights
    terms: tuple[Term, ...]
    meant: Mapping[str, str]  # of each value of the network that of the program

    @cached_property
    def end(self) -> float:
        return float(sum(w * float(self.values[v].reshape(-1)[0]) for v, w in self.last))

    @property
    def title(self) -> str:
        judged = " + ".join(f"{t.weight:g} {t.loss.name}" if t.weight != 1 else t.loss.name for t in self.terms)
        return f"{self.graph.name}: {judged or 'the output'} = {drawn.said(self.end)}"

    @property
    def begins(self) -> str:
        return f"the gradient of {'the loss' if self.terms else 'the output'}, {drawn.said(self.end)}, by itself is 1"

    @cached_property
    def circuit(self) -> Circuit:
        """Every scalar. Raises TooMany."""
        called = {v: name for name, v in list(self.meant.items())[::-1]}
        if len(self.last) == 1:
            called |= {self.last[0][0]: "the loss"} if self.terms else {}
        return circuit(self.scalars, self.values, self.last, called)

    @cached_property
    def norms(self) -> list[norms.Norm]:
        """Every step."""
        gradients = dict(self.program.gradients)
        found = []
        for s in steps(self.graph):
            v = self.meant[s.last.name]
            learnt = [p.name for n in s.nodes for p in n.parameters if p.name in gradients]
            found.append(norms.Norm(
                s.name, s.text, kind_of(s.head), self._norm(v), self._norm(gradients[v]) if v in gradients else None,
                self._norm(*learnt) if learnt else None, self._norm(*(gradients[p] for p in learnt)) if learnt else None))
        return found

    def _norm(self, *names: str) -> float:
        return math.sqrt(sum(float(np.square(self.values[n]).sum()) for n in names))


def _judged(state: State, graph: Graph, y: Any, loss: Any) -> tuple[tuple[Term, ...], dict[str, Array]]:
    """The losses, and their targets by name; neither where the output itself is differentiated."""
    recipe = changed(state.recipe, graph, loss=loss)
    terms = recipe.terms or (changed(recipe, graph, loss=_squares(graph, y)).terms if y is not None else ())
    if y is None and any(t.target != "input" for t in terms):
        if loss is not None:
            raise NoTarget("a loss compares with a target, and none is given", hint="net.backprop(x, y)", code="wrong-type")
        terms = ()
    wanted = arrays.cut_targets(arrays.targets(graph, terms, y, 1), slice(None), np.float64) if terms else {}
    return as_given(terms, wanted), wanted


def _squares(graph: Graph, y: Any) -> list[str]:
    """The loss where nobody has said one: the mean squared error of the output, or of those of several that have a target."""
    outputs = [public for public, _ in graph.outputs]
    if len(outputs) == 1:
        return ["mse"]
    if not isinstance(y, Mapping) or not y or not set(y) <= set(outputs):
        raise NoTarget(f"{graph.name} has the outputs {', '.join(outputs)}, and the target does not say which of them it is of",
                       hint=f'net.backprop(x, {{"{outputs[0]}": y}})', code="wrong-type")
    return [f"mse @{name}" for name in y]


def _only(graph: Graph, lowered: Graph) -> str:
    """The value of the network's only number."""
    if len(graph.outputs) > 1:
        raise NoTarget(f"{graph.name} has the outputs {', '.join(public for public, _ in graph.outputs)}, and gradients are of one "
                       "number", hint=f'net.backprop(x, {{"{graph.outputs[0][0]}": y}})   with a target, and the loss says the number',
                       code="wrong-type")
    many = [v for _, v in lowered.outputs if lowered.values[v].type.size == 1 and lowered.values[v].type.batch <= 1]
    if not many:
        raise NoTarget(f"{graph.name} answers with several numbers, and gradients are of one",
                       hint="net.backprop(x, y)   with a target, and the loss says the number", code="wrong-type")
    return many[0]
