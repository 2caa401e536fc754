"""Metrics being counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...diagnostics import Advice
from ...ir.graph import Graph
from ...ir.training import MetricUse
from ...ir.types import TensorType
from ...metrics import METRICS
from ...passes.objective import Term
from ...words import WordError
from ...words.loss import Range
from ...words.metric import Targets, spread
from ..misuse import misuse
from .probabilities import sigmoid, softmax

Array = NDArray[Any]
COUNTED = {"classes": "class labels", "marks": "labels of several classes", "numbers": "numbers like the output's"}
UNASKED = "accuracy"  # of the first output with class labels, where no metric is stated


class Tally:
    """One metric of one output. `kind` is the sort of its targets, `gives` what the output's numbers are."""

    def __init__(self, name: str, use: MetricUse, term: Term, type_: TensorType, kind: Targets, gives: Range):
        self.name, self.metric, self.output, self.source = name, use.op, use.output, term.source
        self.kind = kind
        self.ignored = term.loss.ignored if kind == "classes" else None
        self.state, self.type = use.op.start(type_), type_
        self.weighs = getattr(use.op, "weighs", "weights" in signature(use.op.add).parameters)
        self.probability = probability(kind, gives) if kind in use.op.probabilities else None

    def add(self, outputs: Mapping[str, Array], targets: Mapping[str, Array], weights: Array | None = None) -> None:
        """Take a batch in. `weights` has what each of its examples counts; without it all count alike."""
        self.state = self.metric.add(self.state, *self.seen(outputs, targets, weights))

    def part(self, outputs: Mapping[str, Array], targets: Mapping[str, Array], weights: Array | None = None) -> Any:
        """What `take` takes of a batch, as plain values: what it adds, or what the metric sees of it."""
        seen = self.seen(outputs, targets, weights)
        return self.metric.add(self.metric.start(self.type), *seen) if self.metric.sums else list(seen)

    def take(self, part: Any) -> None:
        """Take a batch in, to the bits of `add`."""
        self.state = summed(self.state, part) if self.metric.sums else self.metric.add(self.state, *part)

    def seen(self, outputs: Mapping[str, Array], targets: Mapping[str, Array], weights: Array | None) -> tuple[Array, ...]:
        """Scores, labels, and the weights if there are some, as the metric takes them."""
        scores, labels = outputs[self.output], targets[self.source]
        if weights is not None:
            if not self.weighs:
                raise misuse("unknown-metric", f"metric {self.name} does not say what an example with a weight counts",
                             hint=Advice("its function, or `add` of its class, takes `weights`"))
            weights = np.repeat(np.asarray(weights, np.float64), len(scores) // len(weights))
        if self.kind == "classes" and labels.dtype.kind == "f":  # shares of classes: the largest decides, none is no label
            labels, none = labels.argmax(1)[:, None], ~labels.any(1)[:, None]
            labels = labels if self.ignored is None else np.where(none, self.ignored, labels)
        if self.ignored is not None:
            counts = labels[:, 0] != self.ignored
            weights = None if weights is None else spread(weights, counts)[counts]
            scores, labels = np.moveaxis(scores, 1, -1)[counts], labels[:, 0][counts][:, None]
        if self.probability is not None:
            scores = self.probability(scores.astype(np.float64))
        return scores, labels, *(() if weights is None else (weights,))

    @property
    def value(self) -> Any:
        try:
            return self.metric.value(self.state)
        except WordError as w:
            raise misuse(w.code, f"metric {w.message}", *w.notes, hint=w.hint) from None


def summed(state: Any, part: Any) -> Any:
    """The sum of two states, number by number."""
    return type(state)(summed(a, b) for a, b in zip(state, part)) if isinstance(state, tuple | list) else state + part


def probability(kind: Targets, gives: Range) -> Callable[[Array], Array] | None:
    """What makes probabilities of an output; None where its numbers are taken as they are."""
    if gives == "log-probabilities":
        return np.exp
    if gives == "logits":
        return softmax if kind == "classes" else sigmoid
    return None


@dataclass(frozen=True)
class Judged:
    """What metrics see of an output: its type, the loss whose targets they read, the sort of these, what its numbers are."""

    type: TensorType
    term: Term
    kind: Targets
    gives: Range


def judged(graph: Graph, terms: tuple[Term, ...]) -> dict[str, list[Judged]]:
    """The outputs that have targets, by name, each with what its losses say of it."""
    out: dict[str, list[Judged]] = {}
    for term in terms:
        value = graph.public[term.output]
        type_, node = graph.values[value].type, graph.maker[value]
        target = term.loss.target(type_)
        if term.target == "input" or not (target.element == "int" or target == type_):
            continue
        given: Range = "probabilities" if term.loss.after and getattr(node.op, "name", "") == term.loss.after else term.loss.reads
        meant: Any = getattr(last_step(graph, term.output), "gives", "")
        given = meant or given if given == "numbers" else given
        kind: Targets = "classes" if target.element == "int" else "numbers" if given == "numbers" else "marks"
        out.setdefault(term.output, []).append(Judged(type_, term, kind, given))
    return out


def last_step(graph: Graph, output: str) -> Any:
    """The layer that has made the numbers of an output, whatever shape they were given afterwards."""
    node = graph.maker[graph.public[output]]
    while getattr(node.op, "renames", False):
        node = graph.maker[node.inputs[0]]
    return node.op


def making(graph: Graph, terms: tuple[Term, ...], output: str) -> Callable[[Array], Array] | None:
    """What makes probabilities of an output, where it holds what they are made of: its losses say it, or its last step."""
    known = judged(graph, terms).get(output)
    if not known:
        return np.exp if getattr(last_step(graph, output), "gives", "") == "log-probabilities" else None
    return next((probability(m.kind, m.gives) for m in known if m.kind != "numbers"), None)


def tallies(graph: Graph, terms: tuple[Term, ...], uses: tuple[MetricUse, ...] | None) -> list[Tally]:
    """A fresh counter for each metric; without any stated, the accuracy of the first output that has class labels."""
    outputs = judged(graph, terms)
    if uses is None:
        labelled = [name for name, several in outputs.items() if any(m.kind == "classes" for m in several)]
        uses = tuple(MetricUse(METRICS[UNASKED](), output) for output in labelled[:1])
    out = []
    for use, name in zip(uses, called(uses)):
        reads = use.op.reads
        fit = {output: m for output, several in outputs.items() for m in several if m.kind in reads}
        found = next((m for m in outputs.get(use.output, ()) if m.kind == "classes" and m.kind in reads), fit.get(use.output))
        if found is None:
            counts = " or ".join(COUNTED[kind] for kind in reads if kind != "marks" or "numbers" not in reads)
            raise misuse("unknown-metric", f"metric {use.op} counts {counts}, and the loss of output `{use.output}` has none",
                         hint=f"leave the metric out, or name an output:  metric {use.op.name} @{next(iter(fit))}" if fit else "")
        try:
            use.op.check_output(found.type)
        except WordError as w:
            raise misuse(w.code, f"metric {use.op}: {w.message}", w.label, *w.notes, hint=w.hint) from None
        out.append(Tally(name, use, found.term, found.type, found.kind, found.gives))
    return out


def called(uses: tuple[MetricUse, ...]) -> list[str]:
    """What the numbers are called: by the word, as far as that tells them apart, else with its output or its arguments."""
    words = Counter(u.op.name for u in uses)
    places = Counter((u.output, u.op.name) for u in uses)
    names = [u.op.name if words[u.op.name] == 1 else f"{u.output}.{u.op.name}" if places[u.output, u.op.name] == 1
             else str(u.op) for u in uses]
    twice = Counter(names)
    return [name if twice[name] == 1 else f"{u.output}.{u.op}" for name, u in zip(names, uses)]
