"""Hyperbolic tangent."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Tanh(Activation, category="activation"):
    """Hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x).

    Shapes:  any -> the same
    Paper:   LeCun et al., "Efficient BackProp", 1998
    """

    onnx = "Tanh(x)"
    examples = (Example("tanh", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("tanh", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "tanh(x)"
