"""Means of losses over batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...passes.objective import Term, example_weights
from ...words.loss import Loss

Array = NDArray[Any]


def share(term: Term, targets: Mapping[str, Array], examples: int, weights: Array | None = None) -> float:
    """What a batch counts for in a mean over batches, as the loss has it, each example times its weight; the network's own input
    is no target with labels."""
    if weights is not None:
        return float((each(term, targets, examples) * weights).sum())
    return term.loss.share(targets.get(term.source), examples)


def each(term: Term, targets: Mapping[str, Array], examples: int) -> Array:
    """What each example of a batch counts for."""
    held = targets.get(term.source)
    if held is None or type(term.loss).share is Loss.share:
        return np.ones(examples)
    size = len(held) // examples
    return np.array([term.loss.share(held[k * size : (k + 1) * size], 1) for k in range(examples)], np.float64)


def by_example(terms: Sequence[Term], targets: Mapping[str, Array], weights: Array, examples: int,
               dtype: Any) -> tuple[tuple[Term, ...], dict[str, Array]]:
    """Losses that weigh their examples, and the targets with these weights.

    With w_n the weight of an example, s_n what it counts for and l_n its loss, the mean of a batch is
    sum(w_n s_n l_n) / sum(w_n s_n). The losses themselves divide by sum(s_n): they are given w_n sum(s_n) / sum(w_n s_n).
    """
    given = dict(targets)
    for k, t in enumerate(terms):
        counts = each(t, targets, examples)
        scaled = weights * (counts.sum() / (counts * weights).sum())
        repeated = len(targets[t.source]) // examples if t.source in targets else 1
        given[example_weights(k)] = np.repeat(scaled, repeated)[:, None].astype(dtype)
    return tuple(replace(t, by_example=True) for t in terms), given


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

    def part(self, losses: Sequence[float], targets: Mapping[str, Array], examples: int,
             weights: Array | None = None) -> list[tuple[float, float]]:
        """What `take` takes of a batch: for each term its loss, and what the batch counts for."""
        return [(float(v), float(share(t, targets, examples, weights))) for t, v in zip(self.terms, losses)]

    def take(self, part: Sequence[tuple[float, float]]) -> None:
        """Add a batch, without the terms whose labels it all ignores: their mean is none."""
        for k, (v, counts) in enumerate(part):
            if counts:
                self.sums[k], self.shares[k] = self.sums[k] + counts * v, self.shares[k] + counts

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
