"""The square."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Square(Activation, category="activation"):
    """y = x * x, each number by itself.

    Shapes:  any -> the same
    """

    onnx = "Mul(x, x)", "Pow(x, 2)"
    examples = (Example("square", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("square", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "x * x"
