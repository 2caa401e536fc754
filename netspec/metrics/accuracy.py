"""Accuracy."""

from __future__ import annotations

from typing import Any

from ..words.metric import Metric
from .parts.ranks import among_largest


class Accuracy(Metric):
    """The right class has the largest score; of equal ones, the lowest class number counts as the largest."""

    def holds(self, scores: Any, labels: Any) -> Any:
        return among_largest(scores, labels, 1)
