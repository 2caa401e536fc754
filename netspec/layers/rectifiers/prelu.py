"""Parametric rectified linear unit."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import WordError, flag, number
from ...words.layer import Builder, Example, Layer, known_channels, known_sizes, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read


class PRelu(Layer, category="activation"):
    """x where positive, a learned slope times x elsewhere: one slope, or one for every channel with `channels`,
    or one for every element with `elements` (Keras's PReLU unless axes are shared).

    Shapes:  C x W... -> the same
    Params:  weight [1], [C] with `channels`, [C, W...] with `elements`; 0.25 at first
    Paper:   He et al., "Delving Deep into Rectifiers", 2015 (arXiv:1502.01852)
    """

    rectifies = True

    channels: bool = flag("a slope for every channel", default=False, word="channels")
    elements: bool = flag("a slope for every element", default=False, word="elements")
    start: float = number("the slope at first", default=0.25)

    onnx_reads = ("PRelu",)
    examples = (
        Example("prelu", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=1),
        Example("prelu channels", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=3),
        Example("prelu channels", inputs=((7,),), output=(7,), parameters=7),
        Example("prelu elements", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=60),
    )

    def check(self) -> None:
        if self.channels and self.elements:
            raise WordError("one slope for each channel, or for each element", label="channels and elements",
                            hint="prelu channels", code="bad-value")

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        shape = known_sizes(x) if self.elements else (known_channels(x),) if self.channels else (1,)
        return (Parameter("weight", shape, "slope", float(self.start)),)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if not self.elements:
            return b.map("where(x > 0.0, x, x * weight)", x=x, weight=parameters["weight"])
        at = f"c{plane(b.type(x).shape)}"
        return str(b(f"y[n,{at}] = where(x[n,{at}] > 0.0, x[n,{at}], x[n,{at}] * weight[{at}])", x=x,
                     weight=parameters["weight"]))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        t = o.type(inputs[0])
        shape = known_sizes(t) if self.elements else (known_channels(t) if self.channels else 1, *(1,) * len(t.spatial))
        return o("PRelu", inputs[0], o.shaped(parameters["weight"], shape))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, slope = n.type(0), n.array(1)
        if x is None or slope is None:
            return None
        if slope.size == 1:
            return Read(cls(), (n.inputs[0],), {"weight": slope.reshape(1)})
        shape = tuple(slope.shape[-len(x.shape):])
        if shape == (x.channels, *(1,) * len(x.spatial)) and slope.size == x.channels:
            return Read(cls(channels=True), (n.inputs[0],), {"weight": slope.reshape(-1)})
        return Read(cls(elements=True), (n.inputs[0],), {"weight": slope.reshape(shape)}) if (
            shape == x.shape and slope.size == x.size) else None
