"""Top-k accuracy."""

from __future__ import annotations

from typing import Any

from ..words import count
from ..words.metric import Metric
from .parts.ranks import among_largest


class TopK(Metric, name="topk"):
    """The right class is among the k largest scores; of equal ones, lower class numbers come first."""

    k: int = count("how many scores are looked at", default=5, position=0)

    def holds(self, scores: Any, labels: Any) -> Any:
        return among_largest(scores, labels, self.k)
