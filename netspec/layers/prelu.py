"""Parametric rectified linear unit."""

from __future__ import annotations

from ..ir.graph import Parameter
from ..ir.types import TensorType
from ..words import flag, number
from .layer import Builder, Example, Layer, known_channels


class PRelu(Layer, category="activation"):
    """x where positive, a learned slope times x elsewhere: one slope, or one for every channel with `channels`.

    Shapes:  C x W... -> the same
    Params:  weight [1], or [C] with `channels`; 0.25 at first
    Paper:   He et al., "Delving Deep into Rectifiers", 2015 (arXiv:1502.01852)
    """

    channels: bool = flag("a slope for every channel", default=False, word="channels")
    start: float = number("the slope at first", default=0.25)

    examples = (
        Example("prelu", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=1),
        Example("prelu channels", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=3),
        Example("prelu channels", inputs=((7,),), output=(7,), parameters=7),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        return (Parameter("weight", (known_channels(inputs[0]) if self.channels else 1,), "slope", float(self.start)),)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        return b.map("where(x > 0.0, x, x * weight)", x=inputs[0], weight=parameters["weight"])
