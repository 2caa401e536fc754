"""Accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words.metric import Metric, among_largest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Accuracy(Metric):
    """The right class has the largest score; of equal ones, the lowest class number counts as the largest."""

    def holds(self, scores: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
        return among_largest(scores, labels, 1)
