"""Means of losses over batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from ..passes.objective import Term

Array = NDArray[Any]


def share(term: Term, targets: Mapping[str, Array], examples: int) -> float:
    """What a batch counts for in a mean over batches, as the loss has it; the network's own input is no target with labels."""
    return term.loss.share(targets.get(term.source), examples)


class MeanLoss:
    """The weighted loss of what was added so far, each term a mean over what its batches count for (`Loss.share`)."""

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
