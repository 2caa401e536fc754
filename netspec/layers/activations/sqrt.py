"""The square root."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Sqrt(Activation, category="activation"):
    """y = the square root of x, each number by itself: no number below 0. Its slope at 0 is infinite, as PyTorch's is;
    `shift 1e-6` before it keeps it finite.

    Shapes:  any -> the same
    """

    onnx = "Sqrt(x)", "Pow(x, 0.5)"
    examples = (Example("sqrt", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("sqrt", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "sqrt(x)"
