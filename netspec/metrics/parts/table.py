"""Metrics that are counted in a table of classes: how often each was taken for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...ir.types import TensorType
from ...words import word
from ...words.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Table:
    """The state and how it grows, for a metric to inherit. Rows are the right classes, columns those with the largest score,
    of equal ones the lowest class number."""

    def start(self, output: TensorType) -> Any:
        import numpy as np

        return np.zeros((output.channels or 0,) * 2, np.int64)

    def add(self, state: Any, scores: Array, labels: Array) -> Any:
        import numpy as np

        classes = len(state)
        pairs = labels[:, 0].ravel() * classes + scores.argmax(1).ravel()
        return state + np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


class Averaged(Table, Metric, abstract=True):
    """A quotient of each class, and its mean. A class that is neither a label nor an answer anywhere has none."""

    average: str = word("mean over the classes (macro), or weighted by how often each is right, or of all answers together",
                        default="macro", words=("macro", "micro", "weighted"))

    def quotient(self, hits: Array, answers: Array, labels: Array) -> tuple[Array, Array]:
        """Above and below the line, from how often each class was rightly answered, answered, and right."""
        raise NotImplementedError

    def value(self, state: Any) -> float:
        import numpy as np

        hits, answers, labels = state.diagonal(), state.sum(0), state.sum(1)
        if not labels.sum():
            return float("nan")
        if self.average == "micro":
            above, below = self.quotient(hits.sum(), answers.sum(), labels.sum())
            return float(above / below)
        above, below = self.quotient(hits, answers, labels)
        each = np.where(below > 0, above / np.maximum(below, 1), 0.0)
        weights = labels if self.average == "weighted" else (answers + labels > 0).astype(np.int64)
        return float((each * weights).sum() / weights.sum())
