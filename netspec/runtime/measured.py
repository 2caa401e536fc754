"""What a pass over data measures: the mean loss, and each metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..backends.executor import Outcome
from ..ir.graph import Graph
from ..ir.training import MetricUse
from ..passes.objective import Term
from .judge import MeanLoss
from .tallies import tallies

Array = NDArray[Any]


class Measured:
    """The mean loss and the metrics of the batches that were added so far."""

    def __init__(self, graph: Graph, terms: tuple[Term, ...], metrics: tuple[MetricUse, ...] | None):
        self.mean, self.tallies = MeanLoss(terms), tallies(graph, terms, metrics)

    def add(self, out: Outcome, targets: Mapping[str, Array], examples: int) -> None:
        """One more batch, with what the network made of it."""
        self.mean.add(out.losses, targets, examples)
        for tally in self.tallies:
            tally.add(out.outputs, targets)

    @property
    def loss(self) -> float:
        """The weighted loss, a mean over all examples."""
        return self.mean.value

    @property
    def numbers(self) -> dict[str, Any]:
        """The loss, and each one's own where there are several, then each metric."""
        return self.mean.numbers | {t.name: t.value for t in self.tallies}
