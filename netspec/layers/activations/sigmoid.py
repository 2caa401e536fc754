"""Logistic function."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Sigmoid(Activation, category="activation"):
    """Logistic function, 1 / (1 + e^-x), without overflow for large negative x.

    Shapes:  any -> the same
    Paper:   Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986
    """

    gives = "probabilities"
    onnx = "Sigmoid(x)"
    examples = (Example("sigmoid", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("sigmoid", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "sigmoid(x)"
