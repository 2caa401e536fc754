"""Logarithm of softmax."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer, plane


class LogSoftmax(Layer, category="activation", name="log_softmax"):
    """The logarithm of softmax over the channels, x - log(sum of e^x), without overflow.

    Shapes:  C x W... -> the same
    """

    gives = "log-probabilities"
    log_of = "softmax"
    onnx = "LogSoftmax(x, axis=1)", "Log(Softmax(x, axis=1))"
    examples = (Example("log_softmax", inputs=((5,),), output=(5,)),
                Example("log_softmax", inputs=((3, 2, 4),), output=(3, 2, 4)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        s = plane(b.type(x).shape)
        m = b(f"m[n,0{s}] max= x[n,c{s}]", x=x)
        total = b(f"total[n,0{s}] += exp(x[n,c{s}] - m[n,0{s}])", x=x, m=m)
        y = b(f"y[n,c{s}] = x[n,c{s}] - m[n,0{s}] - log(total[n,0{s}])", x=x, m=m, total=total)
        b.save(y=y)
        return str(y)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """dx = dy - e^y sum of dy."""
        s = plane(b.type(dy).shape)
        t = b(f"t[n,0{s}] += dy[n,c{s}]", dy=dy)
        return (b(f"dx[n,c{s}] = dy[n,c{s}] - exp(y[n,c{s}]) * t[n,0{s}]", dy=dy, y=saved["y"], t=t),), {}
