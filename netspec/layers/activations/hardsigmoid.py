"""Piecewise linear sigmoid."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class HardSigmoid(Activation, category="activation"):
    """y = min(max(slope * x + middle, 0), 1), the slope 1/6 as in PyTorch and Keras 3; ONNX, Theano and Keras 2 have 0.2.

    Shapes:  any -> the same
    Paper:   Courbariaux, Bengio and David, "BinaryConnect", 2015 (arXiv:1511.00363)
    """

    slope: float = number("slope at 0", default=1 / 6, least=1e-6)
    middle: float = number("value at 0", default=0.5)

    gives = "probabilities"
    onnx = "HardSigmoid(x, alpha=slope, beta=middle)", "Div(Clip(Add(x, 3), 0, 6), 6)", "Mul(Clip(Add(x, 3), 0, 6), 0.16666667)"
    examples = (Example("hardsigmoid slope=0.2", inputs=((3, 4, 5),), output=(3, 4, 5)),
                Example("hardsigmoid slope=0.5 middle=0.6", inputs=((5, 3),), output=(5, 3)),
                Example("hardsigmoid", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        low, high = -self.middle / self.slope, (1 - self.middle) / self.slope
        return f"where(x <= {low!r}, 0.0, where(x >= {high!r}, 1.0, (x - {low!r}) * {float(self.slope)!r}))"
