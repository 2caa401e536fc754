"""Scale by a number, or by a learned number a channel."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import number
from ...words.layer import Builder, Example, Layer, channelwise, known_channels
from ...words.onnx import Onnx, OnnxNode, OnnxWriter, Read


class Scale(Layer, category="move"):
    """`scale 0.17` multiplies by a constant; bare `scale` by a learned number for each channel, 1 at first.

    Shapes:  C x W... -> the same
    Params:  weight [C] where no constant is given
    """

    by: float | None = number("the constant; learned unless given", default=None, position=0)

    onnx = "Mul(x, by)", Onnx("Neg(x)", by=-1.0)
    onnx_reads = ("Mul", "Div")
    examples = (
        Example("scale 0.17", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("scale", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=3),
        Example("scale", inputs=((6,),), output=(6,), parameters=6),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        return () if self.by is not None else (Parameter("weight", (known_channels(inputs[0]),), "norm", "ones"),)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        return b.map("x * weight", x=x, weight=parameters["weight"]) if self.by is None else b.map(f"x * {float(self.by)!r}", x=x)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        t = o.type(inputs[0])
        return o("Mul", inputs[0], o.shaped(parameters["weight"], channelwise(t)))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A product with a number for each channel, or a division by numbers."""
        k = 0 if n.op == "Mul" and n.array(0) is not None else 1
        x, by = n.type(1 - k), n.array(k)
        if x is None or by is None:
            return None
        by = by if n.op == "Mul" else 1 / by
        if by.size == 1 and by.ndim <= len(x.shape) + 1:
            return Read(cls(by=float(str(by.reshape(-1)[0]))), (n.inputs[1 - k],))
        shape = (x.channels, *(1,) * len(x.spatial))
        if tuple(by.shape) not in (shape, (1, *shape)):
            return None
        return Read(cls(), (n.inputs[1 - k],), {"weight": by.reshape(-1)})
