"""A number added."""

from __future__ import annotations

from typing import Any

from ...ir.graph import Parameter
from ...ir.types import TensorType
from ...words import flag, number
from ...words.layer import Builder, Example, Layer, channelwise, known_channels
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_numbers import one_or_channels
from .scale import learned_or_given


class Shift(Layer, category="move"):
    """`shift 0.5` adds a constant; bare `shift` a learned number for each channel, `shift scalar` a single learned one, 0 at
    first. `scale` multiplies.

    Shapes:  C x W... -> the same
    Params:  bias [C] where no constant is given, [1] with `scalar`
    """

    by: float | None = number("the constant; learned unless given", default=None, position=0)
    scalar: bool = flag("learn a single number", default=False, word="scalar")

    onnx = "Add(x, by)"
    onnx_reads = ("Add", "Sub")
    examples = (
        Example("shift 0.5", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("shift", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=3),
        Example("shift scalar", inputs=((3, 4, 5),), output=(3, 4, 5), parameters=1),
        Example("shift", inputs=((6,),), output=(6,), parameters=6),
    )

    def check(self) -> None:
        learned_or_given(self.name, self.by, self.scalar)

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        many = 1 if self.scalar else known_channels(inputs[0])
        return () if self.by is not None else (Parameter("bias", (many,), "bias", "zeros"),)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        return b.map("x + bias", x=x, bias=parameters["bias"]) if self.by is None else b.map(f"x + {float(self.by)!r}", x=x)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        t = o.type(inputs[0])
        o.note = "scalar" if self.scalar else ""
        return o("Add", inputs[0], o.shaped(parameters["bias"], (1,) if self.scalar else channelwise(t)))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """A sum with a number for each channel, or a difference from numbers."""
        k = 0 if n.op == "Add" and n.array(0) is not None else 1
        x, numbers = n.type(1 - k), n.array(k)
        by = None if x is None or numbers is None else one_or_channels(numbers if n.op == "Add" else -numbers, x)
        if by is None:
            return None
        if n.note == "scalar":
            return Read(cls(scalar=True), (n.inputs[1 - k],), {"bias": numbers.reshape(1)})
        return Read(cls(by=by), (n.inputs[1 - k],)) if isinstance(by, float) else Read(cls(), (n.inputs[1 - k],), {"bias": by})
