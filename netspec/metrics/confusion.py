"""The confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ir.types import TensorType
from ..words.metric import Metric, spread
from .parts.classes import titles

WIDEST = 20  # classes whose table is printed


class Confusion(Metric):
    """How often each class was taken for each: an array of whole numbers (of what the examples weigh, where they have weights),
    a row for each right class and a column for the class with the largest score, of equal ones the lowest number. The line of an
    epoch says how many answers are wrong, and what is confused most; the table follows the test."""

    sums = True

    def start(self, output: TensorType) -> Any:
        import numpy as np

        return np.zeros((output.channels or 0,) * 2, np.int64)

    def add(self, state: Any, scores: Any, labels: Any, weights: Any = None) -> Any:
        import numpy as np

        classes = len(state)
        pairs = labels[:, 0] * classes + scores.argmax(1)
        heavy = None if weights is None else spread(weights, pairs).ravel()
        return state + np.bincount(pairs.ravel(), heavy, classes * classes).reshape(classes, classes)

    def value(self, state: Any) -> Any:
        return state

    def shown(self, value: Any) -> str:
        return self.named(value)

    def named(self, value: Any, classes: Sequence[str] = ()) -> str:
        import numpy as np

        wrong = value.copy()
        np.fill_diagonal(wrong, 0)
        said = f"{_number(wrong.sum())} of {_number(value.sum())} wrong"
        if not wrong.any():
            return said
        right, answer = np.unravel_index(wrong.argmax(), wrong.shape)
        names = classes if len(classes) == len(wrong) else range(len(wrong))
        return f"{said} ({names[right]} as {names[answer]}: {_number(wrong[right, answer])})"

    def report(self, value: Any, classes: Sequence[str] = ()) -> str:
        if len(value) > WIDEST:
            return ""
        width = max(len(n) for n in (*(_number(n, "") for n in value.ravel()), str(len(value) - 1)))
        names = titles(len(value), classes)
        head = " " * len(names[0]) + "  " + " ".join(f"{k:>{width}}" for k in range(len(value)))
        rows = (f"{name}  " + " ".join(f"{_number(n, ''):>{width}}" for n in row) for name, row in zip(names, value))
        return "\n".join(("rows: the right class, columns: the answer", head, *rows))


def _number(n: Any, between: str = ",") -> str:
    """A whole number, or a weight."""
    return f"{n:{between}}" if n.dtype.kind == "i" else f"{n:{between}.1f}"
