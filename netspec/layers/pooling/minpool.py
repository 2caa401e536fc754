"""Min-pooling."""

from __future__ import annotations

from ...words.layer import Builder, Example
from .maxpool import MaxPool


class MinPool(MaxPool, category="pooling"):
    """Smallest value of each window; the first of several equal ones takes the gradient. Padding never wins.

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window
    """

    examples = (
        Example("minpool", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("minpool 3 /2 same", inputs=((2, 9),), output=(2, 5)),
        Example("minpool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    def sign(self) -> str:
        return "-"

    def result(self, b: Builder, y: str) -> str:
        return b.map("-y", y=y)
