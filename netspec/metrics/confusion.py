"""The confusion matrix."""

from __future__ import annotations

from typing import Any

from ..words.metric import Metric
from .parts.table import Table

WIDEST = 20  # classes whose table is printed


class Confusion(Table, Metric):
    """How often each class was taken for each: an array of whole numbers, a row for each right class and a column for each
    answer. The line of an epoch says how many answers are wrong, and what is confused most; the table follows the test."""

    def value(self, state: Any) -> Any:
        return state

    def shown(self, value: Any) -> str:
        import numpy as np

        wrong = value.copy()
        np.fill_diagonal(wrong, 0)
        said = f"{wrong.sum():,} of {value.sum():,} wrong"
        if not wrong.any():
            return said
        right, answer = np.unravel_index(wrong.argmax(), wrong.shape)
        return f"{said} ({right} as {answer}: {wrong[right, answer]:,})"

    def report(self, value: Any) -> str:
        if len(value) > WIDEST:
            return ""
        width = max(len(str(n)) for n in (*value.ravel(), len(value) - 1))
        lead = len(str(len(value) - 1))
        head = f"{'':>{lead}}  " + " ".join(f"{k:>{width}}" for k in range(len(value)))
        rows = (f"{k:>{lead}}  " + " ".join(f"{n:>{width}}" for n in row) for k, row in enumerate(value))
        return "\n".join(("rows: the right class, columns: the answer", head, *rows))
