"""Scaled hyperbolic tangent."""

from __future__ import annotations

from ...words.layer import Activation, Example


class LecunTanh(Activation, category="activation", name="lecun_tanh"):
    """y = 1.7159 tanh(2x/3), which is near 1 at 1 and -1 at -1; LeNet-5's.

    Shapes:  any -> the same
    Paper:   LeCun et al., "Efficient BackProp", 1998
    """

    onnx = "Mul(Tanh(Mul(x, 0.6666666666666666)), 1.7159)"
    examples = (Example("lecun_tanh", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("lecun_tanh", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "tanh(x * 0.6666666666666666) * 1.7159"
