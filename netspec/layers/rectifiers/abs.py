"""Absolute value."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Abs(Activation, category="activation"):
    """y = |x|. Its derivative at 0 is 0.

    Shapes:  any -> the same
    """

    onnx = "Abs(x)"
    examples = (Example("abs", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("abs", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "abs(x)"
