"""Softmax over channels, or over places."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, text
from ...words.layer import Builder, Example, Layer, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.windows import need_image


class Softmax(Layer, category="activation"):
    """Exponentials divided by their sum over the channels, at each place by itself; `over=places` over the places of each channel
    by itself (spatial softmax, a map of attention). The largest is subtracted first.

    Shapes:  C x W... -> the same
    Errors:  `over=places` of a vector, and of one place
    Paper:   Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990; Levine et al., 2016
             (arXiv:1504.00702) for `over=places`
    """

    over: str = text("what sums to one: channels or places", default="channels")

    gives = "probabilities"
    onnx = "Softmax(x, axis=1)"
    onnx_reads = ("Softmax", "Reshape")
    examples = (Example("softmax", inputs=((5,),), output=(5,)), Example("softmax", inputs=((3, 2, 4),), output=(3, 2, 4)),
                Example("softmax", inputs=((3, 2, 1, 2),), output=(3, 2, 1, 2)),
                Example("softmax over=places", inputs=((3, 2, 4),), output=(3, 2, 4)),
                Example("softmax over=places", inputs=((3, 5),), output=(3, 5)),
                Example("softmax over=places", inputs=((2, 2, 1, 3),), output=(2, 2, 1, 3)))

    def __post_init__(self) -> None:
        if self.over == "places":
            object.__setattr__(self, "gives", "")  # of classes it says nothing

    def check(self) -> None:
        if self.over not in ("channels", "places"):
            raise WordError("softmax is over the channels of each place, or over the places of each channel", label=f"over={self.over}",
                            hint="softmax over=places", code="bad-value")

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if self.over == "places":
            need_image("softmax over=places", x.shape)
            if set(x.spatial) == {1}:
                raise WordError("softmax over=places divides by the sum over the places, and here that is one, so that the result "
                                "would always be 1", label=f"the input is {shape_text(x.shape)}", hint="softmax", code="one-value")
        return x

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s, at = self._subscripts(b, x)
        m = b(f"m[{at}] max= x[n,c{s}]", x=x)
        e = b(f"e[n,c{s}] = exp(x[n,c{s}] - m[{at}])", x=x, m=m)
        total = b(f"total[{at}] += e[n,c{s}]", e=e)
        y = b(f"y[n,c{s}] = e[n,c{s}] / total[{at}]", e=e, total=total)
        b.save(y=y)
        return str(y)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = y (dy - sum of dy y)."""
        s, at = self._subscripts(b, dy)
        t = b(f"t[{at}] += dy[n,c{s}] * y[n,c{s}]", dy=dy, y=saved["y"])
        return (b(f"dx[n,c{s}] = y[n,c{s}] * (dy[n,c{s}] - t[{at}])", y=saved["y"], dy=dy, t=t),), {}

    def _subscripts(self, b: Builder, x: str) -> tuple[str, str]:
        """The places of an element, and of what sums to one."""
        s = plane(b.type(x).shape)
        return s, "n,c" if self.over == "places" else f"n,0{s}"

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Softmax of all places as one axis."""
        (x,) = inputs
        if len(o.type(x).spatial) == 1:
            return o("Softmax", x, axis=2)
        y = o("Softmax", o("Reshape", x, o.numbers([0, 0, -1], whole=True)), axis=2)
        return o("Reshape", y, o("Shape", x))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        inner = n.before(0) if n.op == "Reshape" else n
        flat = inner.before(0) if n.op == "Reshape" and inner is not None else n
        if inner is None or flat is None or (inner.op, inner.attributes.get("axis")) != ("Softmax", 2):
            return None
        x, rows = flat.type(0), inner.type(0)
        if x is None or rows is None or (flat is not n and (flat.op != "Reshape" or x != n.out)) or len(rows.shape) != 2:
            return None
        return Read(cls(over="places"), (flat.inputs[0],)) if rows.channels == x.channels else None
