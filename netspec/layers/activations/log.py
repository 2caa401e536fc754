"""The logarithm."""

from __future__ import annotations

from ...words.layer import Activation, Example


class Log(Activation, category="activation"):
    """y = the natural logarithm of x, each number by itself: minus infinity at 0, no number below. Of a softmax it is
    `log_softmax`, which does not overflow.

    Shapes:  any -> the same
    """

    onnx = "Log(x)"
    examples = (Example("log", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("log", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        return "log(x)"
