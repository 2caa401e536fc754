"""Scaled exponential linear unit."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Selu(Activation, category="activation"):
    """An ELU whose two constants keep mean 0 and variance 1 from layer to layer.

    Shapes:  any -> the same
    Paper:   Klambauer et al., "Self-Normalizing Neural Networks", 2017 (arXiv:1706.02515)
    """

    onnx = "Selu(x)"
    examples = (Example("selu", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("selu", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "where(x > 0.0, x, expm1(x) * 1.6732632423543772) * 1.0507009873554805"
