"""Softsign."""

from __future__ import annotations

from ...words.layer import Activation, Builder, Example


class SoftSign(Activation, category="activation"):
    """y = x / (1 + |x|).

    Shapes:  any -> the same
    Paper:   Bergstra et al., "Quadratic Polynomials Learn Better Image Features", 2009
    """

    onnx = "Softsign(x)", "Div(x, Add(Abs(x), 1))"
    examples = (Example("softsign", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("softsign", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "x / (1.0 + abs(x))"

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = dy / (1 + |x|)^2, without the difference of two near numbers that the quotient rule has, and without a square that
        could overflow."""
        return (b.map("dy * (1.0 / (1.0 + abs(x))) * (1.0 / (1.0 + abs(x)))", dy=dy, x=inputs[0]),), {}
