"""Coefficient of determination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..ir.types import TensorType
from ..words.metric import Metric
from .parts.errors import columns, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class R2(Metric):
    """1 - squared errors / squared distances of the targets from their mean, over the examples (and places) of each channel;
    then the mean over the channels. 1 is exact, 0 as good as always answering the mean. A channel whose targets are all equal
    has 1 where it is exact and 0 elsewhere; two examples are needed. As scikit-learn's r2_score.

    Means and squares are joined batch by batch as Chan, Golub and LeVeque do ("Algorithms for Computing the Sample Variance",
    1983), relative to the first target: nothing cancels where targets are far from zero.
    """

    labels: ClassVar[bool] = False

    def start(self, output: TensorType) -> Any:
        return None

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        import numpy as np

        z, t, each = columns(scores).astype(np.float64), columns(labels).astype(np.float64), counted(scores, weights).reshape(-1,
                1)
        if not len(t):
            return state
        if state is None:
            state = t[0], 0, 0.0, np.zeros(t.shape[1]), np.zeros(t.shape[1]), np.zeros(t.shape[1])
        first, seen, weight, mean, squares, errors = state
        new, t = float(each.sum()), t - first
        if not new:
            return state
        here = (t * each).sum(0) / new
        step, both = here - mean, weight + new
        squares = squares + (each * (t - here) ** 2).sum(0) + step * step * (weight * new / both)
        return first, seen + len(t), both, mean + step * (new / both), squares, errors + (each * (z - first - t) ** 2).sum(0)

    def value(self, state: Any) -> float:
        import numpy as np

        if state is None or state[1] < 2:
            return float("nan")
        squares, errors = state[4:]
        exact = np.where(errors > 0, 0.0, 1.0)
        return float(np.where(squares > 0, 1 - errors / np.where(squares > 0, squares, 1), exact).mean())

    def shown(self, value: Any) -> str:
        return f"{value:.4f}"
