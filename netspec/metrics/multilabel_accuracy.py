"""Accuracy where an example has several labels."""

from __future__ import annotations

from typing import Any, ClassVar

from ..words import flag, number
from ..words.metric import Metric, Targets


class MultilabelAccuracy(Metric, name="multilabel_accuracy"):
    """The share of marks that are answered rightly, a yes being a probability above the threshold: each channel of each example
    (and place) counts alike. With `subset` an example (or place) counts as right where all of its marks are.

    Where the output holds logits, their sigmoid is the probability.
    """

    targets: ClassVar[tuple[Targets, ...]] = ("marks",)
    probabilities: ClassVar[tuple[Targets, ...]] = ("marks",)

    subset: bool = flag("whether all marks of an example have to be right", default=False, word="subset")
    threshold: float = number("the probability above which a mark is a yes", default=0.5, least=0, most=1)

    def holds(self, scores: Any, labels: Any) -> Any:
        right = (scores > self.threshold) == (labels > 0.5)
        return right.all(1) if self.subset else right
