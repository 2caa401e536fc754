"""Metrics being counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..ir.graph import Graph
from ..ir.training import MetricUse
from ..metrics import METRICS
from ..passes.objective import Term
from .misuse import misuse

Array = NDArray[Any]


class Tally:
    """One metric of one output."""

    def __init__(self, name: str, use: MetricUse, term: Term):
        self.name, self.metric, self.output, self.source = name, use.op, use.output, term.source
        self.ignore = getattr(term.loss, "ignore", None)
        self.right = self.seen = 0

    def add(self, outputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        labels = targets[self.source]
        if self.ignore is not None:  # any class will do where the label does not count
            counts = labels[:, 0] != self.ignore
            got = self.metric.holds(outputs[self.output], labels * (labels != self.ignore))[counts]
        else:
            got = self.metric.holds(outputs[self.output], labels)
        self.right += int(got.sum())
        self.seen += got.size

    @property
    def value(self) -> float:
        return self.right / self.seen if self.seen else float("nan")


def tallies(graph: Graph, terms: tuple[Term, ...], uses: tuple[MetricUse, ...] | None) -> list[Tally]:
    """A fresh counter for each metric; without any stated, the accuracy of the first output that has class labels."""
    types = {public: graph.values[v].type for public, v in graph.outputs}
    labelled = {t.output: t for t in terms if t.target != "input" and t.loss.target(types[t.output]).element == "int"}
    if uses is None:
        uses = tuple(MetricUse(METRICS["accuracy"](), output) for output in list(labelled)[:1])
    out = []
    for use in uses:
        if use.output not in labelled:
            raise misuse("unknown-metric", f"metric {use.op} counts class labels, and the loss of output `{use.output}` has none",
                         hint="leave the metric out, or name an output:  metric accuracy @out" if labelled else "")
        alone = sum(u.op == use.op for u in uses) == 1
        out.append(Tally(use.op.name if alone else f"{use.output}.{use.op.name}", use, labelled[use.output]))
    return out
