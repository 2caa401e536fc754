"""Swish, also called SiLU."""

from __future__ import annotations

from ...words import number
from ...words.layer import Activation, Example


class Swish(Activation, category="activation"):
    """y = x * sigmoid(beta * x).

    Shapes:  any -> the same
    Paper:   Ramachandran, Zoph and Le, "Searching for Activation Functions", 2017 (arXiv:1710.05941)
    """

    rectifies = True

    beta: float = number("steepness of the gate", default=1.0)

    onnx = "Mul(x, Sigmoid(x))", "Mul(x, Sigmoid(Mul(x, beta)))", "Swish(x, alpha=beta)"
    examples = (Example("swish beta=1.5", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("swish", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "x * sigmoid(x)" if self.beta == 1 else f"x * sigmoid(x * {float(self.beta)!r})"
