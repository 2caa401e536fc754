"""What is measured beside the loss. One class a metric; the numbers add up over batches of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .registry import Registry
from .word import Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRICS: Registry[Metric] = Registry("metric", "netspec.metrics")


class Metric(Word):
    """A share of examples (and of places, where the output is a map) for which something holds."""

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        METRICS.add(cls, name, "metric")

    def holds(self, scores: NDArray[Any], labels: NDArray[Any]) -> NDArray[Any]:
        """For each of N (x places), from scores N x classes (x places) and class numbers N x 1 (x places)."""
        raise NotImplementedError


def among_largest(scores: NDArray[Any], labels: NDArray[Any], k: int) -> NDArray[Any]:
    """Whether the label's score is among the k largest. Ties go to the lower class number, as argmax has it; NaN never is."""
    import numpy as np

    chosen = np.take_along_axis(scores, labels, 1)
    classes = np.arange(scores.shape[1]).reshape(1, -1, *(1,) * (scores.ndim - 2))
    ahead = (scores > chosen).sum(1) + ((scores == chosen) & (classes < labels)).sum(1)
    return np.asarray((ahead < k) & ~np.isnan(chosen[:, 0]))
