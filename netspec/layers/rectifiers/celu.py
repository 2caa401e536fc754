"""Continuously differentiable exponential linear unit."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class Celu(Activation, category="activation"):
    """x where positive, alpha (e^(x/alpha) - 1) elsewhere: its slope is continuous for every alpha.

    Shapes:  any -> the same
    Paper:   Barron, "Continuously Differentiable Exponential Linear Units", 2017 (arXiv:1704.07483)
    """

    rectifies = True

    alpha: float = number("the limit for very negative numbers, negated", default=1.0, position=0)

    onnx = "Celu(x, alpha=alpha)"
    examples = (Example("celu 0.7", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("celu", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return f"where(x > 0.0, x, expm1(x / {float(self.alpha)!r}) * {float(self.alpha)!r})"
