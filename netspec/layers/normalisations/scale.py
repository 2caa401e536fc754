"""Scale by a number, or by a learned number a channel."""

from __future__ import annotations

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import number
from ...words.layer import Builder, Example, Layer, known_channels


class Scale(Layer, category="move"):
    """`scale 0.17` multiplies by a constant; bare `scale` by a learned number for each channel, 1 at first.

    Shapes:  C x W... -> the same
    Params:  weight [C] where no constant is given
    """

    by: float | None = number("the constant; learned unless given", default=None, position=0)

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
