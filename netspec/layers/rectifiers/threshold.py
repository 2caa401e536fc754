"""Threshold."""

from __future__ import annotations

from typing import Any

from ...words import flag, number
from ...words.layer import Activation, Example
from ...words.onnx import Onnx, OnnxNode, Read


class Threshold(Activation, category="activation"):
    """x where it is larger than a threshold (smaller, with `below`), 0 (or `value`) elsewhere; as PyTorch's Threshold and Keras's
    ThresholdedReLU. `threshold 6 value=6 below` is the smaller of x and 6.

    Shapes:  any -> the same
    Paper:   Konda, Memisevic and Krueger, "Zero-bias Autoencoders and the Benefits of Co-adapting Features", 2014
             (arXiv:1402.3337)
    """

    rectifies = True

    above: float = number("the threshold", default=1.0, position=0)
    value: float = number("what stands where x is not above it", default=0.0)
    below: bool = flag("what is below it stays, instead of what is above", default=False, word="below")

    onnx = ("ThresholdedRelu(x, alpha=above)", "Where(Greater(x, above), x, value)", "Where(LessOrEqual(x, above), value, x)",
            Onnx("Where(Less(x, above), x, value)", below=True))
    onnx_reads = ("Clip", "Max", "Min")
    examples = (Example("threshold 0.3", inputs=((3, 4, 5),), output=(3, 4, 5)),
                Example("threshold -0.5 value=2", inputs=((7,),), output=(7,)),
                Example("threshold 0.3 value=0.3 below", inputs=((7,),), output=(7,)))

    def formula(self) -> str:
        """Written so that what is no number stays none."""
        return f"where(x {'>=' if self.below else '<='} {float(self.above)!r}, {float(self.value)!r}, x)"

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """The larger, or the smaller, of x and a number."""
        given = [k for k, i in enumerate(n.inputs) if i]
        k = next((k for k in given if n.array(k) is not None), 0)
        limit, x = n.array(k), next((k for k in given if n.array(k) is None), -1)
        if len(given) != 2 or limit is None or limit.size != 1 or x < 0 or (n.op == "Clip" and x):
            return None
        t = float(str(limit.reshape(-1)[0]))
        return Read(cls(above=t, value=t, below=n.op == "Min" or k == 2), (n.inputs[x],))
