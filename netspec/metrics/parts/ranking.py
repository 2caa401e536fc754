"""How often each score occurs among the examples of a class, and among the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LEAST = 1024  # scores that wait before they are merged


class Ranking:
    """Different scores in their order, each with what its examples weigh: of the class in row 0, others in row 1.

    New scores wait until there are as many as have been merged, so that merging N of them takes about N log N in all.
    """

    def __init__(self) -> None:
        import numpy as np

        self.scores, self.weights = np.zeros(0), np.zeros((2, 0))
        self.waiting: list[tuple[Array, Array]] = []
        self.size = 0

    def add(self, scores: Array, right: Array, weights: Array) -> None:
        """N scores, whether each is of the class, and what it counts. One that is NaN counts as smaller than any other."""
        import numpy as np

        known = np.where(np.isnan(scores), -np.inf, scores).astype(np.float64)
        self.waiting.append((known, np.stack([weights * right, weights * ~right])))
        self.size += len(scores)
        if self.size > max(LEAST, len(self.scores)):
            self.merge()

    def merge(self) -> None:
        """Take in what waits."""
        import numpy as np

        scores = np.concatenate([self.scores, *(s for s, _ in self.waiting)])
        weights = np.concatenate([self.weights, *(w for _, w in self.waiting)], 1)
        self.scores, places = np.unique(scores, return_inverse=True)
        self.weights = np.stack([np.bincount(places, w, len(self.scores)) for w in weights])
        self.waiting, self.size = [], 0

    @property
    def right(self) -> float:
        """What the examples of the class weigh."""
        return float(self.weights[0].sum() + sum(w[0].sum() for _, w in self.waiting))

    @property
    def area(self) -> float:
        """How likely a score of the class is larger than another's, equal ones counting half; NaN where either has none."""
        self.merge()
        of, others = self.weights
        pairs = of.sum() * others.sum()
        below = others.cumsum() - others / 2
        return float((of * below).sum() / pairs) if pairs else float("nan")
