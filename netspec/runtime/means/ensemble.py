"""Several networks as one: the mean of what they say, or of their weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np

from ...diagnostics import Advice
from ...ir.types import shape_text
from ...preparations import Preparation
from .. import drawing
from ..calls import in_batches, public
from ..feeding.given import given
from ..misuse import flag, misuse
from ..sizes import bind
from ..state import AVERAGE, State
from ..train.evaluation import evaluate
from .question import apart, question
from .views import Array, Mean, Views


class Face(Protocol):
    """A `Network`."""

    @property
    def state(self) -> State: ...


N = TypeVar("N", bound=Face)


class Ensemble:
    """Networks of the same inputs and outputs; each may be another net. What one says of an example is the mean of what they say,
    of probabilities where outputs have that meaning; it says it as the first of them does."""

    def __init__(self, networks: Sequence[Face]):
        self.networks = tuple(networks) if isinstance(networks, Iterable) else ()
        self.states = [s for n in self.networks if isinstance(s := getattr(n, "state", None), State)]
        if not self.networks or len(self.states) < len(self.networks):
            raise misuse("wrong-type", "an ensemble is made of networks",
                         hint='netspec.Ensemble([netspec.load("a.safetensors"), netspec.load("b.safetensors")])')
        first = self.states[0]
        for s in self.states[1:]:
            if (differ := _differ(first, s)) is not None:
                title, *both = differ
                raise misuse("shape-mismatch", title, *(f"{one.graph.name}: {said}" for one, said in zip((first, s), both)))

    def predict(self, x: Any, *, batch: int | None = None, ten_crop: bool = False, flip: bool = False) -> Any:
        """As `Network.predict`."""
        mean, first = Mean(), self.states[0]
        if isinstance(x, Iterator) and len(self.states) > 1:
            x = list(x).__iter__  # it goes once, and each network asks for all of it
        for s in self.states:
            views = Views(s.graph, flag("ten_crop", ten_crop), flag("flip", flip))
            with s.gate.shared():
                said = in_batches(s, x, batch, None, lambda run, weights, some: run.predict(some, weights=weights), views)
            mean.add(s.graph, s.recipe.terms, said)
        return public(mean.outputs(first.graph, first.recipe.terms))

    def evaluate(self, x: Any, y: Any = None, *, batch: int | None = None, ten_crop: bool = False,
                 flip: bool = False) -> dict[str, Any]:
        """The loss and the metrics of the first network, of what all of them say."""
        first = self.states[0]
        views = [Views(s.graph, flag("ten_crop", ten_crop), flag("flip", flip)) for s in self.states]
        keys = [drawing.of_call(s, None) for s in self.states]

        def said(inputs: dict[str, Array], seen: int) -> dict[str, Array]:
            mean = Mean()
            for s, view, key in zip(self.states, views, keys):
                with s.gate.shared():
                    run, vector = bind(s, inputs), s.vector("eval")
                    drawing.begin(run, key, seen)
                    outputs = view.said(inputs, partial(run.predict, weights=vector), s.recipe.terms)
                mean.add(s.graph, s.recipe.terms, outputs)
            return mean.outputs(first.graph, first.recipe.terms)

        asked = given(first, first.recipe.need_terms(), x, y, judges=True)
        return evaluate(first, first.recipe, asked, keys[0], batch, views[0], said)

    def __repr__(self) -> str:
        return f"Ensemble of {len(self.networks)}: {', '.join(s.graph.name for s in self.states)}"


def averaged(networks: Iterable[tuple[str, N]]) -> N:
    """The first of these networks, each with what it is called, with the mean of the weights of all; see `netspec.average`."""
    named, total, prepared, count = iter(networks), dict[str, Array](), set[str](), 0
    first, net = next(named)
    for path, other in chain([(first, net)], named):
        count += 1
        found = {k: v.astype(np.float64) for k, v in _numbers(other.state).items()}
        if not total:
            nodes = net.state.graph.nodes
            total, prepared = found, {p.name for n in nodes if isinstance(n.op, Preparation) for p in n.parameters}
            continue
        if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in total.items()}:
            raise misuse("checkpoint-mismatch", f"{path} has other parameters than {first}",
                         hint=Advice("an ensemble takes networks that differ: netspec.Ensemble([...])"))
        for k, v in found.items():
            if k in prepared and not np.array_equal(v, total[k]):
                raise misuse("checkpoint-mismatch", f"{path} and {first} prepare their inputs with other numbers: {k}",
                             hint=Advice("an ensemble takes networks that differ: netspec.Ensemble([...])"))
            total[k] = v if k in prepared else total[k] + v
    for k, v in total.items():
        net.state.put(k, v if k in prepared else v / count)
    net.state.average.wanted = False
    net.state.forget()
    return net


def _numbers(state: State) -> dict[str, Array]:
    """All that evaluation reads: averages in the place of the parameters they are of, where they are used."""
    return state.numbers() | (state.slot(AVERAGE) if state.average.used else {})


def _differ(one: State, other: State) -> tuple[str, str, str] | None:
    """Why two networks cannot answer together, and what of each; None where they can."""
    taken = [{n.name: n.type.shape for n in s.graph.inputs} for s in (one, other)]
    if taken[0] != taken[1]:
        a, b = (", ".join(f"{name} {shape_text(shape)}" for name, shape in t.items()) for t in taken)
        return f"{other.graph.name} has other inputs or outputs than {one.graph.name}", f"inputs {a}", f"inputs {b}"
    given = [[name for name, _ in s.graph.outputs] for s in (one, other)]
    if sorted(given[0]) != sorted(given[1]):
        a, b = (f"outputs {', '.join(names)}" for names in given)
        return f"{other.graph.name} has other inputs or outputs than {one.graph.name}", a, b
    for name in given[0]:
        if not (ours := question(one, name)).same(theirs := question(other, name)):
            return "networks answer together where they answer the same question", *apart(ours, theirs)
    return None
