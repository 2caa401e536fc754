"""Means of losses over batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from ..passes.objective import Term

Array = NDArray[Any]


def share(term: Term, targets: Mapping[str, Array], examples: int) -> float:
    """What a batch counts for in a mean over batches, as the loss has it; the network's own input is no target with labels."""
    return term.loss.share(targets.get(term.source), examples)


def own_losses(terms: Sequence[Term]) -> list[str]:
    """What the numbers of several losses are called: `aux.loss`; where an output has several of them, with the word of each."""
    if len(terms) < 2:
        return []
    outputs = Counter(t.output for t in terms)
    words = Counter((t.output, t.loss.name) for t in terms)
    names = [f"{t.output}.loss" if outputs[t.output] == 1 else f"{t.output}.{t.loss.name}" if words[t.output, t.loss.name] == 1
             else f"{t.output}.{t.loss}" + (f" target={t.target}" if t.target else "") for t in terms]
    twice = Counter(names)
    return [name if twice[name] == 1 else f"{name} {k + 1}" for k, name in enumerate(names)]


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
        return sum(t.weight * v for t, v in zip(self.terms, self.own))

    @property
    def own(self) -> list[float]:
        """Each term's mean, before its weight."""
        return [a / b if b else float("nan") for a, b in zip(self.sums, self.shares)]

    @property
    def numbers(self) -> dict[str, float]:
        """The loss, and each one's own where there are several, by name."""
        return {"loss": self.value} | dict(zip(own_losses(self.terms), self.own))
