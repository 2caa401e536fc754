"""Metrics that are a quotient of what is counted for each class: answers of it, examples of it, and answers that are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ...ir.types import TensorType
from ...words import number, word
from ...words.metric import Metric, Targets, spread
from .classes import by_class

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Averaged(Metric, abstract=True):
    """A quotient of each class, and its mean. A class that is neither a label nor an answer anywhere has none.

    Where an example has one class, the answer is the class with the largest score, of equal ones the lowest number. Where it
    has a mark for each class, the answers are the classes whose probability is above the threshold. Places of a map count as
    examples do, and all of the set are counted together.
    """

    targets: ClassVar[tuple[Targets, ...]] = ("classes", "marks")
    probabilities: ClassVar[tuple[Targets, ...]] = ("marks",)
    sums = True

    average: str = word("mean over the classes (macro), or weighted by how often each is right, or of all answers together, or an "
                        "array of each class", default="macro", words=("macro", "micro", "weighted", "by_class"))
    threshold: float = number("the probability above which a mark is a yes", default=0.5, least=0, most=1)

    def quotient(self, hits: Array, answers: Array, labels: Array) -> tuple[Array, Array]:
        """Above and below the line, from how often each class was rightly answered, answered, and right."""
        raise NotImplementedError

    def start(self, output: TensorType) -> Any:
        import numpy as np

        return np.zeros((3, output.channels or 0), np.int64)

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        import numpy as np

        if labels.shape == scores.shape:
            answers, marks = scores > self.threshold, labels > 0.5
            each: Any = 1 if weights is None else spread(weights, answers)
            over = (0, *range(2, scores.ndim))
            return state + np.stack([(a * each).sum(over) for a in (answers & marks, answers, marks)])
        answer, right = scores.argmax(1), labels[:, 0]
        heavy = None if weights is None else spread(weights, right)
        hit = answer == right

        def counted(found: Array, heavy: Array | None) -> Array:
            return np.bincount(found.ravel(), None if heavy is None else heavy.ravel(), state.shape[1])

        return state + np.stack([counted(right[hit], None if heavy is None else heavy[hit]), counted(answer, heavy),
                                 counted(right, heavy)])

    def value(self, state: Any) -> Any:
        import numpy as np

        _, answers, labels = state
        seen = (answers + labels) > 0
        if self.average == "micro":
            state = state.sum(1, keepdims=True)
        above, below = self.quotient(*state)
        each = np.where(below > 0, above / np.where(below > 0, below, 1), 0.0)
        if self.average == "by_class":
            return np.where(seen, each, np.nan)
        if self.average == "micro":
            return float(each[0]) if seen.any() else float("nan")
        weights = labels if self.average == "weighted" else seen.astype(np.int64)
        return float((each * weights).sum() / weights.sum()) if weights.any() else float("nan")

    def shown(self, value: Any) -> str:
        import numpy as np

        if self.average != "by_class":
            return super().shown(value)
        known = value[~np.isnan(value)]
        return f"{known.min():.2%} to {known.max():.2%}" if known.size else "nan"

    def report(self, value: Any, classes: Sequence[str] = ()) -> str:
        return by_class(str(self), [super(Averaged, self).shown(v) for v in value], classes) if self.average == "by_class" else ""
