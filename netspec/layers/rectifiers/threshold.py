"""Threshold."""

from __future__ import annotations

from typing import Any

from ...words import number
from ...words.layer import Activation, Example
from ...words.onnx import OnnxNode, Read


class Threshold(Activation, category="activation"):
    """x where it is larger than a threshold, 0 (or `value`) elsewhere; as PyTorch's Threshold and Keras's ThresholdedReLU.

    Shapes:  any -> the same
    Paper:   Konda, Memisevic and Krueger, "Zero-bias Autoencoders and the Benefits of Co-adapting Features", 2014
             (arXiv:1402.3337)
    """

    rectifies = True

    above: float = number("the threshold", default=1.0, position=0)
    value: float = number("what stands where x is not above it", default=0.0)

    onnx = "ThresholdedRelu(x, alpha=above)", "Where(Greater(x, above), x, value)", "Where(LessOrEqual(x, above), value, x)"
    onnx_reads = ("Clip", "Max")
    examples = (Example("threshold 0.3", inputs=((3, 4, 5),), output=(3, 4, 5)),
                Example("threshold -0.5 value=2", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        """Written so that what is no number stays none."""
        return f"where(x <= {float(self.above)!r}, {float(self.value)!r}, x)"

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """The larger of x and a number."""
        k = 1 if n.array(0) is not None else 0
        least = n.array(1 - k) if len([i for i in n.inputs if i]) == 2 and n.inputs[1] else None
        if least is None or least.size != 1 or (n.op == "Clip" and k):
            return None
        t = float(str(least.reshape(-1)[0]))
        return Read(cls(above=t, value=t), (n.inputs[k],))
