"""Piecewise linear tanh."""

from __future__ import annotations

from ...words import WordError, number
from ...words.layer import Activation, Example
from ...words.onnx import Onnx
from ...words.word import spelled


class HardTanh(Activation, category="activation"):
    """y = min(max(x, low), high), -1 and 1 unless given.

    Shapes:  any -> the same
    Paper:   Collobert, "Large Scale Machine Learning", 2004
    """

    low: float = number("smallest result", default=-1.0)
    high: float = number("largest result", default=1.0)

    onnx = "Clip(x, low, high)", Onnx("Min(Relu(x), high)", low=0.0)
    examples = (Example("hardtanh", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("hardtanh", inputs=((7,),), output=(7,)))

    def check(self) -> None:
        if self.low > self.high:
            raise WordError(f"the smallest result, {spelled(self.low)}, is larger than the largest, {spelled(self.high)}",
                            label="nothing is between them", advice=f"hardtanh low={spelled(self.high)} high={spelled(self.low)}")

    def formula(self) -> str:
        return f"where(x <= {float(self.low)!r}, {float(self.low)!r}, where(x >= {float(self.high)!r}, {float(self.high)!r}, x))"
