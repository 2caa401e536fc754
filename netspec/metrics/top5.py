"""Top-5 accuracy."""

from __future__ import annotations

from typing import Any

from ..words.metric import Metric
from .parts.ranks import among_largest


class Top5(Metric):
    """The right class is among the five largest scores."""

    def holds(self, scores: Any, labels: Any) -> Any:
        return among_largest(scores, labels, 5)
