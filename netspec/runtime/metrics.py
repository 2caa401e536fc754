"""What is measured beside the loss: counts over the examples of an epoch, so that batches of any size add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import near
from .misuse import misuse

Array = NDArray[Any]


def _right_in_top(k: int) -> Callable[[Array, Array], Array]:
    def right(scores: Array, labels: Array) -> Array:
        """Scores N x classes (x places), labels N x 1 (x places): whether the label is among the k largest scores.
        Ties go to the lower class number, as argmax has it; NaN is never right."""
        chosen = np.take_along_axis(scores, labels, 1)
        rank = (scores > chosen).sum(1)
        classes = np.arange(scores.shape[1]).reshape(1, -1, *(1,) * (scores.ndim - 2))
        rank += ((scores == chosen) & (classes < labels)).sum(1)
        return np.asarray((rank < k) & ~np.isnan(chosen[:, 0]))

    return right


METRICS: dict[str, Callable[[Array, Array], Array]] = {"accuracy": _right_in_top(1), "top5": _right_in_top(5)}


class Tally:
    """A metric being counted."""

    def __init__(self, name: str):
        if name not in METRICS:
            meant = near(name, METRICS)
            raise misuse("unknown-metric", f"there is no metric `{name}`", hint=f"did you mean {meant}?" if meant else f"one of {', '.join(METRICS)}")
        self.name, self.right, self.seen = name, 0, 0

    def add(self, scores: Array, labels: Array) -> None:
        got = METRICS[self.name](scores, labels)
        self.right += int(got.sum())
        self.seen += got.size

    @property
    def value(self) -> float:
        return self.right / self.seen if self.seen else float("nan")
