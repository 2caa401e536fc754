"""Piecewise linear tanh."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class HardTanh(Activation, category="activation"):
    """y = min(max(x, low), high), -1 and 1 unless given.

    Shapes:  any -> the same
    Paper:   Collobert, "Large Scale Machine Learning", 2004
    """

    low: float = number("smallest result", default=-1.0)
    high: float = number("largest result", default=1.0)

    onnx = "Clip(x, low, high)"
    examples = (Example("hardtanh", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("hardtanh", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return f"where(x <= {float(self.low)!r}, {float(self.low)!r}, where(x >= {float(self.high)!r}, {float(self.high)!r}, x))"
