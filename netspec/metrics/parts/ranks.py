"""The place of the right class among the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def among_largest(scores: NDArray[Any], labels: NDArray[Any], k: int) -> NDArray[Any]:
    """Whether the label's score is among the k largest. Ties go to the lower class number, as argmax has it; NaN never is."""
    import numpy as np

    chosen = np.take_along_axis(scores, labels, 1)
    classes = np.arange(scores.shape[1]).reshape(1, -1, *(1,) * (scores.ndim - 2))
    ahead = (scores > chosen).sum(1) + ((scores == chosen) & (classes < labels)).sum(1)
    return np.asarray((ahead < k) & ~np.isnan(chosen[:, 0]))
