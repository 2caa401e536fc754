"""Top-5 accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words.metric import Metric, among_largest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Top5(Metric):
    """The right class is among the five largest scores."""

    def holds(self, scores: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
        return among_largest(scores, labels, 5)
