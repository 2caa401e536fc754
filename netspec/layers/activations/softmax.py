"""Softmax over channels."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer, plane


class Softmax(Layer, category="activation"):
    """Exponentials divided by their sum over the channels, at each place by itself. The largest is subtracted first.

    Shapes:  C x W... -> the same
    Paper:   Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs", 1990
    """

    gives = "probabilities"
    onnx = "Softmax(x, axis=1)"
    examples = (Example("softmax", inputs=((5,),), output=(5,)), Example("softmax", inputs=((3, 2, 4),), output=(3, 2, 4)),
                Example("softmax", inputs=((3, 2, 1, 2),), output=(3, 2, 1, 2)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s = plane(b.type(x).shape)
        m = b(f"m[n,0{s}] max= x[n,c{s}]", x=x)
        e = b(f"e[n,c{s}] = exp(x[n,c{s}] - m[n,0{s}])", x=x, m=m)
        total = b(f"total[n,0{s}] += e[n,c{s}]", e=e)
        y = b(f"y[n,c{s}] = e[n,c{s}] / total[n,0{s}]", e=e, total=total)
        b.save(y=y)
        return str(y)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = y (dy - sum of dy y)."""
        s = plane(b.type(dy).shape)
        t = b(f"t[n,0{s}] += dy[n,c{s}] * y[n,c{s}]", dy=dy, y=saved["y"])
        return (b(f"dx[n,c{s}] = y[n,c{s}] * (dy[n,c{s}] - t[n,0{s}])", y=saved["y"], dy=dy, t=t),), {}
