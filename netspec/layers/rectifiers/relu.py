"""Rectified linear unit."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Relu(Activation, category="activation"):
    """Rectifier, y = max(x, 0). Its derivative at 0 is 0.

    Shapes:  any -> the same
    Paper:   Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010
    """

    rectifies = True

    onnx = ("Relu(x)", "Clip(x, 0)", "Max(x, 0)", "Where(Less(x, 0), 0, x)", "Where(LessOrEqual(x, 0), 0, x)",
            "Where(Greater(x, 0), x, 0)", "Where(GreaterOrEqual(x, 0), x, 0)")
    examples = (Example("relu", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("relu", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "max(x, 0.0)"
