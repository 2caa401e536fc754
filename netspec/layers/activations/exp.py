"""The exponential."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Exp(Activation, category="activation"):
    """y = e^x, each number by itself: widths of boxes, variances. From 88.8 on it is infinite in float32.

    Shapes:  any -> the same
    """

    onnx = "Exp(x)"
    examples = (Example("exp", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("exp", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "exp(x)"
