"""Rectifier that stops at 6."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Relu6(Activation, category="activation"):
    """y = min(max(x, 0), 6). Its derivative at 0 and at 6 is 0.

    Shapes:  any -> the same
    Paper:   Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010
    """

    rectifies = True

    onnx = "Clip(x, 0, 6)", "Min(Relu(x), 6)", "Clip(Relu(x), 0, 6)"
    examples = (Example("relu6", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("relu6", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "where(x <= 0.0, 0.0, where(x >= 6.0, 6.0, x))"
