"""F1."""

from __future__ import annotations

from typing import Any

from .parts.counts import Averaged


class F1(Averaged):
    """The harmonic mean of precision and recall of each class: twice the right answers by all answers and examples of it.

    `macro` is the mean over the classes that occur, each counted alike; `weighted` counts each as often as it is right;
    `micro` takes all answers together, which is the accuracy where every example has one class; `by_class` is an array by class.
    Paper: van Rijsbergen, "Information Retrieval", 1979, chapter 7
    """

    def quotient(self, hits: Any, answers: Any, labels: Any) -> Any:
        return 2 * hits, answers + labels
