"""Gradient descent on what goes into a network: images that excite a unit, styles of painters, examples that mislead it.

The network is in evaluation mode and stays as it is: the same numbers are drawn at every step, and no parameter has a gradient.
Inputs are one flat vector to the optimiser, in float64, and its formulas are those that train weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.executor import Executor
from ..backends.reference.interpret import run as interpret
from ..backends.turns import changes
from ..diagnostics import Advice
from ..ir.graph import Graph
from ..losses import Loss
from ..optimisers import Optimiser
from ..optimisers.parts.memory import Memory
from ..passes.objective import Term, update_program
from ..views.reading.names import named
from ..waiting import each
from . import drawing, inner
from .io import arrays
from .measuring.judge import own_losses
from .misuse import misuse, whole
from .sizes import bind
from .state import State
from .train.recipe import changed, numbers_of, term

Array = NDArray[Any]
Outputs = dict[str, Array]
Aim = Callable[[Mapping[str, Array]], tuple[float, Mapping[str, Array], Mapping[str, float]]]  # loss, gradients, numbers to keep


@changes
def optimise(state: State, inputs: Any, targets: Any, loss: Any, outputs: Sequence[str], optimiser: Any, steps: int,
             clip: tuple[float, float] | None) -> tuple[dict[str, Array], dict[str, list[float]]]:
    """The inputs after so many steps, and what was measured before each of them and after the last."""
    found = arrays.inputs(state.graph, inputs)
    run, steps, bounds = bind(state, found), whole("steps", steps, 1), _bounds(clip)
    rule = changed(state.recipe, state.graph, optimiser=optimiser).need_optimiser()
    start = {k: np.asarray(v) for k, v in state.cut(found).items()}
    key = drawing.of_call(state, None)
    if callable(loss) and not isinstance(loss, Loss | type):
        aim = _of_function(state, run, loss, outputs)
    else:
        aim = _of_losses(state, run, loss, outputs, targets, start)

    def evaluate(flat: Array) -> tuple[float, Array]:
        drawing.begin(run, key)
        value, gradients, numbers = aim(_arrays(flat, start))
        seen.append(dict(numbers))
        g = np.concatenate([np.asarray(gradients.get(k, np.zeros(())), np.float64).ravel() if k in gradients
                            else np.zeros(a.size) for k, a in start.items()])
        if not (isfinite(value) and np.isfinite(g).all()):
            if len(seen) > 1 and getattr(rule, "search", False):
                return inf, g  # too far along the line: the search goes back
            raise misuse("loss-exploded", f"the loss of step {len(history) + 1} is not finite, or its gradient is not",
                         hint=Advice("a smaller lr, or clip=(low, high)"))
        return value, g

    seen: list[dict[str, float]] = []
    history: list[dict[str, float]] = []
    flat = np.concatenate([a.ravel() for a in start.values()]).astype(np.float64)
    descent = _Quasi(rule) if rule.host else _Steps(rule, flat.size)
    for _ in each("descending, step", range(steps)):
        seen.clear()
        new = np.clip(moved := descent.step(evaluate, flat), *bounds)
        if (new != moved).any():
            descent.pushed()
        history.append(seen[0])
        if (new == flat).all():
            break
        flat = new
    seen.clear()
    evaluate(flat)
    history.append(seen[0])
    return _arrays(flat, start), {k: [numbers[k] for numbers in history] for k in history[0]}


class _Steps:
    """An update rule in formulas, read by NumPy."""

    def __init__(self, optimiser: Optimiser, size: int):
        self.optimiser, self.taken = optimiser, 0
        self.program, _ = update_program(optimiser, size)
        self.state = {name: np.zeros(size) for name in optimiser.state}

    def step(self, evaluate: Callable[[Array], tuple[float, Array]], flat: Array) -> Array:
        _, g = evaluate(flat)
        self.taken += 1
        if self.optimiser.clip and (norm := sqrt(float(g @ g))) > self.optimiser.clip:
            g = g * (self.optimiser.clip / norm)
        scalars = self.optimiser.scalars(self.taken, numbers_of(self.optimiser))
        env = interpret(self.program, {"weights": flat, "gradients": g, **self.state,
                                       **{k: np.array([v]) for k, v in scalars.items()}}, 1)
        new = {public: env[v] for public, v in self.program.outputs}
        self.state = {name: new[name] for name in self.state}
        return new["weights"]

    def pushed(self) -> None:
        """What the rule keeps goes on beside the bounds."""


class _Quasi:
    """An optimiser that asks for loss and gradient where it wants them."""

    def __init__(self, optimiser: Any):
        self.optimiser, self.memory = optimiser, Memory()

    def step(self, evaluate: Callable[[Array], tuple[float, Array]], flat: Array) -> Array:
        with np.errstate(all="ignore"):
            moved: Array = self.optimiser.minimise(evaluate, flat, self.memory)
        return moved

    def pushed(self) -> None:
        """The bounds moved the inputs: what is remembered of the way is of another one."""
        self.memory = Memory()


def _of_losses(state: State, run: Executor, loss: Any, names: Sequence[str], targets: Any, start: Mapping[str, Array]) -> Aim:
    """Losses of the language, at outputs or at values inside: "content @conv4"."""
    graph = _with(run.graph, names)
    if loss is None:
        terms = state.recipe.need_terms()
    else:
        terms = tuple(_term(one, graph) for one in (loss if isinstance(loss, list | tuple) else [loss]))
    outputs = tuple(dict.fromkeys((t.output, graph.public[t.output] if t.output in graph.public
                                   else named(graph)[t.output]) for t in terms))
    wanted = arrays.targets(replace(graph, outputs=outputs), terms, targets, arrays.count(start))
    wanted = arrays.cut_targets(wanted, slice(None), state.dtype)
    own = own_losses(terms)

    def aim(inputs: Mapping[str, Array]) -> Any:
        out = run.towards(inputs, wanted, outputs, terms, weights=state.vector("eval"))
        value = float(sum(t.weight * v for t, v in zip(terms, out.losses)))
        return value, out.input_gradients, {"loss": value} | dict(zip(own, out.losses))

    return aim


def _term(given: Any, graph: Graph) -> Term:
    """A loss; one in a text may name any value of the network."""
    if isinstance(given, str) and "@" in given:
        graph = replace(graph, outputs=tuple({**named(graph), **graph.public}.items()))
    return term(given, graph)


def _number(given: Any) -> float:
    """The loss that a function gives. Raises for what is no single number."""
    try:
        if np.ndim(given) == 0:
            return float(given)
    except (TypeError, ValueError):
        pass
    raise misuse("wrong-type", f"the loss gives {' '.join(repr(given).split())[:60]} for its value, and no number",
                 hint="return float(value), gradients")


def _of_function(state: State, run: Executor, function: Callable[[Outputs], Any], names: Sequence[str]) -> Aim:
    """A function of the values by name that gives a number and its gradient for each of them; those left out have none."""
    outputs = _with(run.graph, names).outputs
    values = tuple(dict.fromkeys(v for _, v in outputs))

    def aim(inputs: Mapping[str, Array]) -> Any:
        found = run.values(inputs, values, weights=state.vector("eval"))
        given = function({name: found[v] for name, v in outputs})
        if not isinstance(given, tuple) or len(given) != 2:
            raise misuse("wrong-type", f"the loss gives a {type(given).__name__}, and no pair of a number and gradients",
                         hint="return value, {" + ", ".join(f'"{name}": gradient' for name, _ in outputs) + "}")
        value, gradients = _number(given[0]), given[1]
        if not isinstance(gradients, Mapping) and len(outputs) == 1:
            gradients = {outputs[0][0]: gradients}
        gradients = arrays.named("output", {name: np.zeros_like(found[v]) for name, v in outputs} | dict(gradients),
                                 tuple(name for name, _ in outputs))
        for name, v in outputs:
            if gradients[name].shape != found[v].shape:
                raise misuse("wrong-shape", f"the gradient of `{name}` has the wrong shape",
                             f"it is {found[v].shape}", f"got {gradients[name].shape}")
        back = {f"d.{name}": np.ascontiguousarray(g, state.dtype) for name, g in gradients.items()}
        return value, run.towards(inputs, back, outputs, weights=state.vector("eval")).input_gradients, {"loss": value}

    return aim


def _with(graph: Graph, names: Sequence[str]) -> Graph:
    """The graph with these values as outputs; its own where none are named."""
    names = [names] if isinstance(names, str) else names
    return replace(graph, outputs=tuple(inner.meant(graph, names).items())) if names else graph


def _arrays(flat: Array, like: Mapping[str, Array]) -> dict[str, Array]:
    out, at = {}, 0
    for name, a in like.items():
        out[name] = flat[at : at + a.size].reshape(a.shape).astype(a.dtype)
        at += a.size
    return out


def _bounds(given: Any) -> tuple[float, float]:
    if given is None:
        return -inf, inf
    try:
        low, high = map(float, given)
    except (TypeError, ValueError):
        low, high = inf, -inf
    if not low < high:
        raise misuse("bad-value", f"clip={given!r} are the least and the largest value that an input may have", hint="clip=(0, 1)")
    return low, high
