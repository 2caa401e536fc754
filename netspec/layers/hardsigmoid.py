"""Piecewise linear sigmoid."""

from __future__ import annotations

from ..words import number
from .layer import Activation, Example


class HardSigmoid(Activation, category="activation"):
    """y = min(max(slope * x + 0.5, 0), 1), the slope 1/6 as in PyTorch and Keras 3; ONNX, Theano and Keras 2 have 0.2.

    Shapes:  any -> the same
    Paper:   Courbariaux, Bengio and David, "BinaryConnect", 2015 (arXiv:1511.00363)
    """

    slope: float = number("slope at 0", default=1 / 6, least=1e-6)

    examples = (Example("hardsigmoid slope=0.2", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("hardsigmoid", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return f"where(x <= {-0.5 / self.slope!r}, 0.0, where(x >= {0.5 / self.slope!r}, 1.0, x * {float(self.slope)!r} + 0.5))"
