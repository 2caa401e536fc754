"""What a backend gives the runtime: one network on one device, its parameters, and the entries that run.

Arrays cross this border in canonical form only: images N,C,H,W; parameters in the layouts of `Parameter.shape`.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Protocol

import numpy as np

from ..ir.graph import Graph
from ..passes.differentiate import cotangent_program, input_program, training_program
from ..passes.lower import lower, value_program
from ..passes.objective import Term, as_given, loss_program
from ..passes.probes import Ends, derivative_program, probe
from ..waiting import wait
from .border import Border, Result
from .turns import Recent, Turn
from .vectors import GRADIENTS, WEIGHTS, Array, Groups, Vectors, alike

Check = Callable[[tuple[float, ...]], None]  # sees the losses, and raises where what follows from them may not happen
Make = Callable[[Graph], Graph]  # the lowered program of a network
ENTRIES, RULES = 16, 4  # programs and update rules of an executor: those used last are kept


@dataclass(frozen=True)
class Outcome:
    """What an entry with losses leaves behind, apart from the gradients of parameters."""

    losses: tuple[float, ...]  # unweighted, one a term, means over the batch
    outputs: dict[str, Array]  # by public name
    input_gradients: dict[str, Array] = field(default_factory=dict)


class Rule(Protocol):
    """An optimiser's update rule, ready to run."""

    def run(self, groups: Groups) -> None:
        """One step of all these parameters, from the gradients as they lie."""


class Executor(ABC):
    """One network on one device.

    `graph` is the layer graph with every size known; it carries the precision. Plans are made at the first call of an entry and
    kept; of more than ENTRIES those used last. The flat gradient lies complete before any update begins, in the order of
    `graph.parameters`.

    A backend says how its numbers lie (`numbers`), how a program is planned (`planned`), how it runs (`run`, which ends with
    `outcome`), and how an update rule does (`rule`).

    Threads: any number may run entries in evaluation (`predict`, `losses`) at once and read parameters, and each gets what it
    would get alone. Whatever else there is, is for one thread at a time and nobody beside it: `turns.Gate` sees to that.
    """

    device: str

    def __init__(self, graph: Graph, numbers: Vectors[Any]):
        self.graph, self.dtype, self.parameters = graph, numbers.dtype, numbers.parameters
        self.numbers = numbers
        self.version = 0  # goes up whenever a parameter, a buffer or a state changes
        self.planning = Turn()  # of whoever plans an entry
        self.entries: Recent[Any, Any] = Recent(ENTRIES)
        self.updates: Recent[Any, Rule] = Recent(RULES)
        self._scalars = threading.local()

    def samples(self, inputs: Mapping[str, Array]) -> int:
        """How many samples a batch holds."""
        first = self.graph.inputs[0]
        return len(inputs[first.name]) // first.type.batch

    # -- parameters and buffers, optimiser state ------------------------------------------------------------------
    def get(self, name: str) -> Array:
        """A copy of a parameter or buffer, canonical."""
        return self.numbers.read(WEIGHTS, name)

    def set(self, name: str, value: Array) -> None:
        self._write(WEIGHTS, name, value)

    def gradient(self, name: str) -> Array:
        """The gradient of a trainable parameter as the last gradient entry left it (or `set_gradient` made it)."""
        return self.numbers.read(GRADIENTS, name)

    def set_gradient(self, name: str, value: Array) -> None:
        self._write(GRADIENTS, name, value)

    def get_state(self, slot: str, name: str) -> Array:
        """The optimiser's state `slot` (velocity, ...) of one parameter, canonical; zeros before the first step."""
        return self.numbers.read(slot, name)

    def set_state(self, slot: str, name: str, value: Array) -> None:
        self._write(slot, name, value)

    def vectors(self, what: str) -> list[Array]:
        """All trainable parameters as they lie, in one order: "weights", "gradients", or a state. To read; they may be copies."""
        return self.numbers.trained(what)

    def set_vectors(self, what: str, values: list[Array]) -> None:
        """Put such vectors back."""
        self.numbers.put_trained(what, values)
        self.version += what != GRADIENTS

    def _write(self, vector: str, name: str, value: Array) -> None:
        self.numbers.write(vector, name, np.asarray(value, self.dtype).reshape(self.parameters[name].shape))
        self.version += vector != GRADIENTS

    def finite_gradients(self) -> bool:
        """Whether every gradient, as they lie, is a finite number."""
        with np.errstate(all="ignore"):  # a sum may overflow where no number does
            return all(isfinite(np.add.reduce(g, axis=None)) or bool(np.isfinite(g).all()) for g in self.vectors("gradients"))

    # -- entries -----------------------------------------------------------------------------------------------------
    @abstractmethod
    def run(self, key: Any, make: Make, inputs: Mapping[str, Array], others: Mapping[str, Array], *, effects: bool = False,
            check: Check | None = None, evaluation: bool = False, weights: str = WEIGHTS) -> Outcome:
        """Run a lowered program on a batch of inputs.

        key         which program; `make` makes it of the network at the first call, and the plan is kept
        others      targets, or gradients of outputs
        effects     whether running statistics move
        check       sees the losses when the gradients lie complete, and before running statistics move: what it raises leaves
                    all that outlives the call as it was, gradients apart
        evaluation  parameters stay as they are from call to call, so that what depends on them alone may be prepared
        weights     the vector that trainable parameters are read from: "weights", or another that holds their averages
        """

    def entry(self, key: Any, make: Make, samples: int, evaluation: bool = False) -> Any:
        """The plan of an entry, made at its first use: by one thread, while others that want one wait."""
        with self.planning.lock:
            found = self.entries.get(key)
            if found is not None:
                return found
            with wait("planning"):
                return self.entries.put(key, self.planned(make, samples, evaluation))

    @abstractmethod
    def planned(self, make: Make, samples: int, evaluation: bool) -> Any:
        """Plan what `make` makes of the network; `samples` are those of the first call."""

    def outcome(self, border: Border, read: Callable[[Result], Array], move: Callable[[], object] | None,
                check: Check | None) -> Outcome:
        """What a program leaves behind that has run but for its effects, which `move` brings about: `check` comes before them,
        and what goes out is read before it."""
        losses = tuple([float(read(r)[0]) for r in border.losses])
        outputs = {r.public: read(r) for r in border.outputs}
        if check is not None:
            check(losses)
        if move is not None:
            move()
            self.version += 1
        return Outcome(losses, outputs, {r.public: read(r) for r in border.input_gradients})

    def predict(self, inputs: Mapping[str, Array], *, weights: str = WEIGHTS) -> dict[str, Array]:
        """Outputs in evaluation mode, by public name."""
        return self.run("predict", lower(False), inputs, {}, evaluation=True, weights=weights).outputs

    def values(self, inputs: Mapping[str, Array], names: tuple[str, ...], *, weights: str = WEIGHTS) -> dict[str, Array]:
        """Values of the graph in evaluation mode, by their names; what they do not need is not computed."""
        out = self.run(("values", names), lambda graph: value_program(graph, names), inputs, {}, evaluation=True,
                       weights=weights).outputs
        return {name: out[f"@{name}"] for name in names}

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Outputs in training mode, by public name; no state changes."""
        make = lambda graph: replace(lower(True)(graph), regions=(), lowered=None)  # noqa: E731
        return self.run("forward", make, inputs, {}).outputs

    def losses(self, inputs: Mapping[str, Array], targets: Mapping[str, Array], terms: tuple[Term, ...], *,
               weights: str = WEIGHTS) -> Outcome:
        """Losses and outputs in evaluation mode; gradients stay as they lie."""
        terms = as_given(terms, targets)
        return self.run(("losses", terms), lambda graph: loss_program(graph, terms), inputs, targets, evaluation=True,
                        weights=weights)

    def gradients(self, inputs: Mapping[str, Array], targets: Mapping[str, Array], terms: tuple[Term, ...], *,
                  training: bool = True,
                  inputs_too: bool = False, effects: bool = False, check: Check | None = None, weights: str = WEIGHTS) -> Outcome:
        """Losses and gradients. Targets by `Term.source`, in the type `passes.objective.target_types` says. With
        `effects`, running statistics are updated, after the check; otherwise no state changes."""
        terms = as_given(terms, targets)
        make = lambda graph: training_program(graph, terms, training=training, inputs=inputs_too)  # noqa: E731
        return self.run((terms, training, inputs_too), make, inputs, targets, effects=effects, check=check, weights=weights)

    def backward(self, inputs: Mapping[str, Array], cotangents: Mapping[str, Array], *, training: bool = True,
                 inputs_too: bool = False, effects: bool = False, weights: str = WEIGHTS) -> Outcome:
        """Gradients for given gradients of the outputs, by public output name."""
        make = lambda graph: cotangent_program(graph, training=training, inputs=inputs_too)  # noqa: E731
        return self.run(("backward", training, inputs_too), make, inputs, {f"d.{k}": v for k, v in cotangents.items()},
                        effects=effects, weights=weights)

    def towards(self, inputs: Mapping[str, Array], others: Mapping[str, Array], outputs: tuple[tuple[str, str], ...],
                terms: tuple[Term, ...] = (), *, weights: str = WEIGHTS) -> Outcome:
        """Gradients to the inputs alone, in evaluation mode, of losses at values of the graph, which are (name, value) here;
        without losses, for given gradients d.NAME. Nothing of the network changes."""
        make = lambda graph: input_program(replace(graph, outputs=outputs), terms)  # noqa: E731
        return self.run(("towards", outputs, terms), make, inputs, others, weights=weights)

    def derivatives(self, inputs: Mapping[str, Array], seeds: Mapping[str, Array], of: Ends, to: Ends, guided: bool = False, *,
                    weights: str = WEIGHTS) -> dict[str, Array]:
        """Gradients by the names of `to`, in evaluation mode, of values of the graph, each times its seed, by the names of `of`;
        both are (name, value) here. Nothing of the network changes."""
        make = lambda graph: derivative_program(graph, of, to, guided)  # noqa: E731
        types = {v: self.graph.values[v].type for _, v in to if v not in inputs}
        many = self.samples(inputs)
        zeros = {probe(v): np.zeros((many * t.batch, *(s or 0 for s in t.shape)), self.dtype) for v, t in types.items()}
        found = self.run(("derivatives", of, to, guided), make, {**inputs, **zeros}, {f"d.{k}": s for k, s in seeds.items()},
                         weights=weights).input_gradients
        return {name: found[probe(v) if v in types else v] for name, v in to}

    def update(self, optimiser: Any, settings: Mapping[str, Mapping[str, float]]) -> None:
        """One step of an update rule over all trainable parameters, from the gradients as they lie. `settings` gives the
        scalars the rule reads for each parameter; parameters with equal scalars share one pass."""
        key = (optimiser, tuple(settings), "l1" in next(iter(settings.values()), {}))
        rule = self.updates.get(key) or self.updates.put(key, self.rule(optimiser))
        rule.run(alike(settings))
        self.version += 1

    @abstractmethod
    def rule(self, optimiser: Any) -> Rule:
        """An update rule over the network's numbers."""

    def step(self, inputs: Mapping[str, Array], targets: Mapping[str, Array], terms: tuple[Term, ...], optimiser: Any,
             settings: Mapping[str, Mapping[str, float]], check: Check | None = None) -> Outcome:
        """Gradients, the check of losses and gradients, running statistics, update."""
        out = self.gradients(inputs, targets, terms, training=True, effects=True, check=check)
        self.update(optimiser, settings)
        return out

    def set_scalar(self, name: str, value: float) -> None:
        """A number that formulas read, `random_key` or `random_first`, in what this thread runs from here on."""
        self._scalars.__dict__[name] = int(value)

    def scalar(self, name: str) -> int:
        """What this thread has set; 0 before that."""
        return int(self._scalars.__dict__.get(name, 0))
