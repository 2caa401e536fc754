"""Scale by a number, or by a learned one."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import WordError, flag, number
from ...words.layer import Builder, Example, Layer, channelwise, known_channels
from ...words.onnx import Onnx, OnnxNode, OnnxWriter, Read
from ..parts.onnx_numbers import one_or_channels


class Scale(Layer, category="move"):
    """`scale 0.17` multiplies by a constant; bare `scale` by a learned number for each channel, `scale scalar` by a single
    learned one, 1 at first. `shift` adds.

    Shapes:  C x W... -> the same
    Params:  weight [C] where no constant is given, [1] with `scalar`
    """

    by: float | None = number("the constant; learned unless given", default=None, position=0)
    scalar: bool = flag("learn a single number", default=False, word="scalar")

    onnx = "Mul(x, by)", Onnx("Neg(x)", by=-1.0)
    onnx_reads = ("Mul", "Div")
    examples = (
        Example("scale 0.17", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("scale", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=3),
        Example("scale", inputs=((6,),), output=(6,), parameters=6),
        Example("scale scalar", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=1),
    )

    def check(self) -> None:
        learned_or_given(self.name, self.by, self.scalar)

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        many = 1 if self.scalar else known_channels(inputs[0])
        return () if self.by is not None else (Parameter("weight", (many,), "norm", "ones"),)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        return b.map("x * weight", x=x, weight=parameters["weight"]) if self.by is None else b.map(f"x * {float(self.by)!r}", x=x)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        t = o.type(inputs[0])
        o.note = "scalar" if self.scalar else ""
        return o("Mul", inputs[0], o.shaped(parameters["weight"], (1,) if self.scalar else channelwise(t)))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A product with a number for each channel, or a division by numbers."""
        k = 0 if n.op == "Mul" and n.array(0) is not None else 1
        x, numbers = n.type(1 - k), n.array(k)
        by = None if x is None or numbers is None else one_or_channels(numbers if n.op == "Mul" else 1 / numbers, x)
        if by is None:
            return None
        if n.note == "scalar":
            return Read(cls(scalar=True), (n.inputs[1 - k],), {"weight": numbers.reshape(1)})
        return Read(cls(by=by), (n.inputs[1 - k],)) if isinstance(by, float) else Read(cls(), (n.inputs[1 - k],), {"weight": by})


def learned_or_given(name: str, by: float | None, scalar: bool) -> None:
    """Refuse a number that is both."""
    if by is not None and scalar:
        raise WordError(f"{name} has a constant, or learns a single number", label=f"{by:g} and scalar", hint=f"{name} {by:g}",
                        code="bad-value")
