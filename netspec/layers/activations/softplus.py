"""Softplus."""

from __future__ import annotations

from ...words.layer import Activation, Builder, Example


class SoftPlus(Activation, category="activation"):
    """y = log(1 + e^x), written so that nothing overflows.

    Shapes:  any -> the same
    Paper:   Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", 2000
    """

    onnx = "Softplus(x)"
    examples = (Example("softplus", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("softplus", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "max(x, 0.0) + log1p(exp(-abs(x)))"

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = dy sigmoid(x); at 0, where the formula has corners, too."""
        return (b.map("dy * sigmoid(x)", dy=dy, x=inputs[0]),), {}
