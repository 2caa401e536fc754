"""What a pass over data measures: the mean loss, and each metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ...backends.executor import Outcome
from ...ir.graph import Graph
from ...ir.training import MetricUse
from ...passes.objective import Term
from ..io.nested import alike
from .judge import MeanLoss
from .tallies import tallies

Array = NDArray[Any]


class Measured:
    """The mean loss and the metrics of the batches that were added so far."""

    def __init__(self, graph: Graph, terms: tuple[Term, ...], metrics: tuple[MetricUse, ...] | None):
        self.mean, self.tallies = MeanLoss(terms), tallies(graph, terms, metrics)

    def add(self, out: Outcome, targets: Mapping[str, Array], examples: int, weights: Array | None = None) -> None:
        """One more batch, with what the network made of it; `weights` is what its examples count, where not all count alike."""
        self.mean.take(self.mean.part(out.losses, targets, examples, weights))
        for tally in self.tallies:
            tally.add(out.outputs, targets, weights)

    def part(self, out: Outcome, targets: Mapping[str, Array], examples: int, weights: Array | None = None) -> dict[str, Any]:
        """What `take` takes of a batch, as plain values: another worker may have run it."""
        return {"losses": self.mean.part(out.losses, targets, examples, weights),
                "tallies": [t.part(out.outputs, targets, weights) for t in self.tallies]}

    def take(self, part: Mapping[str, Any]) -> None:
        """One more batch, to the bits of `add`."""
        self.mean.take(part["losses"])
        for tally, counted in zip(self.tallies, part["tallies"]):
            tally.take(counted)

    @property
    def held(self) -> dict[str, Any]:
        """All of it as plain values: what `resume` takes. They change when more is added."""
        return {"sums": list(self.mean.sums), "shares": list(self.mean.shares), "metrics": {t.name: t.state for t in self.tallies}}

    def resume(self, held: Mapping[str, Any]) -> list[str]:
        """Go on from what another one held: of the same losses, or nothing is taken over. The metrics that it did not count, or
        that counted something else."""
        if len(held["sums"]) != len(self.mean.terms):
            return ["loss", *(t.name for t in self.tallies)]
        self.mean.sums, self.mean.shares = list(held["sums"]), list(held["shares"])
        missing = []
        for tally in self.tallies:
            if tally.name in held["metrics"] and alike(tally.state, held["metrics"][tally.name]):
                tally.state = held["metrics"][tally.name]
            else:
                missing.append(tally.name)
        return missing

    @property
    def loss(self) -> float:
        """The weighted loss, a mean over all examples."""
        return self.mean.value

    @property
    def numbers(self) -> dict[str, Any]:
        """The loss, and each one's own where there are several, then each metric."""
        return self.mean.numbers | {t.name: t.value for t in self.tallies}
