"""Exponential linear unit."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class Elu(Activation, category="activation"):
    """x where positive, alpha (e^x - 1) elsewhere.

    Shapes:  any -> the same
    Paper:   Clevert, Unterthiner and Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", 2015
             (arXiv:1511.07289)
    """

    rectifies = True

    alpha: float = number("the limit for very negative numbers, negated", default=1.0, position=0)

    onnx = "Elu(x, alpha=alpha)"
    examples = (Example("elu 0.7", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("elu", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return f"where(x > 0.0, x, expm1(x) * {float(self.alpha)!r})"
