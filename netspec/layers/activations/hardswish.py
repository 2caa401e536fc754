"""Piecewise quadratic swish."""

from __future__ import annotations

from ...words.layer import Activation, Example


class HardSwish(Activation, category="activation"):
    """y = x * min(max(x + 3, 0), 6) / 6.

    Shapes:  any -> the same
    Paper:   Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244)
    """

    rectifies = True

    onnx = ("HardSwish(x)", "Mul(x, HardSigmoid(x, alpha=0.16666667, beta=0.5))", "Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6)",
            "Mul(x, Div(Clip(Add(x, 3), 0, 6), 6))", "Mul(x, Mul(Clip(Add(x, 3), 0, 6), 0.16666667))")
    examples = (Example("hardswish", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("hardswish", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "where(x <= -3.0, 0.0, where(x >= 3.0, x, x * (x + 3.0) / 6.0))"
