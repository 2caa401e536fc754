"""Metrics being counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ir.graph import Graph
from ..ir.training import MetricUse
from ..ir.types import TensorType
from ..metrics import METRICS
from ..passes.objective import Term
from ..words import WordError
from .misuse import misuse

Array = NDArray[Any]
UNASKED = "accuracy"  # of the first output with class labels, where no metric is stated


class Tally:
    """One metric of one output."""

    def __init__(self, name: str, use: MetricUse, term: Term, type_: TensorType):
        self.name, self.metric, self.output, self.source = name, use.op, use.output, term.source
        self.ignored = term.loss.ignored if use.op.labels else None
        self.state = use.op.start(type_)

    def add(self, outputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        scores, labels = outputs[self.output], targets[self.source]
        if self.ignored is not None:
            counts = labels[:, 0] != self.ignored
            scores, labels = np.moveaxis(scores, 1, -1)[counts], labels[:, 0][counts][:, None]
        self.state = self.metric.add(self.state, scores, labels)

    @property
    def value(self) -> Any:
        return self.metric.value(self.state)


def tallies(graph: Graph, terms: tuple[Term, ...], uses: tuple[MetricUse, ...] | None) -> list[Tally]:
    """A fresh counter for each metric; without any stated, the accuracy of the first output that has class labels."""
    types = {public: graph.values[v].type for public, v in graph.outputs}
    judged = [t for t in terms if t.target != "input"]
    labelled = {t.output: t for t in judged if t.loss.target(types[t.output]).element == "int"}
    numbers = {t.output: t for t in judged if t.loss.target(types[t.output]) == types[t.output]}
    if uses is None:
        uses = tuple(MetricUse(METRICS[UNASKED](), output) for output in list(labelled)[:1])
    out = []
    for use, name in zip(uses, _names(uses)):
        fit = labelled if use.op.labels else numbers
        if use.output not in fit:
            counted = ("class labels, and the loss of output `{}` has none" if use.op.labels
                       else "numbers like the output's, and the loss of output `{}` has none").format(use.output)
            raise misuse("unknown-metric", f"metric {use.op} counts {counted}",
                         hint=f"leave the metric out, or name an output:  metric {use.op.name} @out" if fit else "")
        try:
            use.op.check_output(types[use.output])
        except WordError as w:
            raise misuse(w.code, f"metric {use.op}: {w.message}", w.label, *w.notes, hint=w.hint) from None
        out.append(Tally(name, use, fit[use.output], types[use.output]))
    return out


def _names(uses: tuple[MetricUse, ...]) -> list[str]:
    """What the numbers are called: by the word, as far as that tells them apart, else with its output or its arguments."""
    words = Counter(u.op.name for u in uses)
    places = Counter((u.output, u.op.name) for u in uses)
    names = [u.op.name if words[u.op.name] == 1 else f"{u.output}.{u.op.name}" if places[u.output, u.op.name] == 1
             else str(u.op) for u in uses]
    twice = Counter(names)
    return [name if twice[name] == 1 else f"{u.output}.{u.op}" for name, u in zip(names, uses)]
