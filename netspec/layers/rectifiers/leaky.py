"""Leaky rectified linear unit."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class Leaky(Activation, category="activation"):
    """x where positive, `slope` times x elsewhere. The slope is PyTorch's 0.01; Keras's is 0.3, VoxNet's and Darknet's 0.1.

    Shapes:  any -> the same
    Paper:   Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013
    """

    rectifies = True

    slope: float = number("factor of negative numbers", default=0.01, position=0)

    onnx = "LeakyRelu(x, alpha=slope)", "Where(Greater(x, 0), x, Mul(x, slope))", "Where(GreaterOrEqual(x, 0), x, Mul(x, slope))"
    examples = (Example("leaky 0.1", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("leaky", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return f"where(x > 0.0, x, x * {float(self.slope)!r})"
