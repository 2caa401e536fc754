"""Scaling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.graph import Parameter
from ..ir.types import TensorType
from ..words import WordError, number, value
from ..words.layer import Builder, Example, channelwise, known_channels
from ..words.onnx import OnnxWriter
from ..words.preparation import Preparation, buffer, stated, together


class Scale(Preparation):
    """Each channel stretched so that its smallest number in the training examples becomes `low` and its largest `high`; with
    `by`, every number multiplied by what is given: `scale 2`, `scale by=[1, 2, 1]`.

    A channel whose numbers are all the same becomes `low`. Numbers of other examples may come to lie outside.

    Shapes:  C x W... -> the same
    Params:  buffers least [C], most [C]; by [C] where it is given
    """

    by: Any = value("what numbers are multiplied by: a number, or one for each channel", default=None, position=0)
    low: float = number("what the smallest becomes", default=0.0)
    high: float = number("what the largest becomes", default=1.0)
    min: Any = value("the smallest, where it is known: a number, or one for each channel", default=None)
    max: Any = value("the largest, where it is known: a number, or one for each channel", default=None)

    examples = (
        Example("scale", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("scale low=-1 high=1 min=0 max=255", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("scale 0.5", inputs=((2, 3, 3),), output=(2, 3, 3)),
        Example("scale by=[1, 2, 3, 4]", inputs=((4,),), output=(4,)),
    )

    def check(self) -> None:
        together(self, "min", "max")
        if self.by is not None and (self.min is not None or (self.low, self.high) != (0, 1)):
            raise WordError("scale multiplies by what is given, or stretches between two numbers", label="by= beside a range",
                            code="bad-value")
        if self.low >= self.high:
            raise WordError("low is less than high", label=f"low={self.low:g} high={self.high:g}", code="bad-value")

    @property
    def given(self) -> bool:
        return self.by is not None or self.min is not None

    def numbers(self, x: TensorType) -> tuple[Parameter, ...]:
        shape = (known_channels(x),)
        if self.by is not None:
            return (buffer("by", shape, "ones", stated("by", self.by, shape)),)
        least, most = stated("min", self.min, shape), stated("max", self.max, shape)
        if least and most and any(a >= b for a, b in zip(least, most)):
            raise WordError("min is less than max", label="min= and max=", code="bad-value")
        return (buffer("least", shape, f"constant {self.low!r}", least), buffer("most", shape, f"constant {self.high!r}", most))

    def measure(self, examples: Iterable[Any]) -> dict[str, Any]:
        import numpy as np

        least, most = np.inf, -np.inf
        for batch in examples:
            places = tuple(a for a in range(batch.ndim) if a != 1)
            least, most = np.minimum(least, batch.min(places)), np.maximum(most, batch.max(places))
        return {"least": least, "most": most}

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.by is not None:
            return b.map("x * by", x=x, by=parameters["by"])
        least, most, size = parameters["least"], parameters["most"], float(self.high - self.low)
        k = b(f"k[c] = {size!r} / where(most[c] > least[c], most[c] - least[c], 1.0)", most=most, least=least)
        return b.map(f"(x - least) * k + {float(self.low)!r}", x=x, least=least, k=k)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,), shape = inputs, channelwise(o.type(inputs[0]))
        if self.by is not None:
            return o("Mul", x, o.shaped(parameters["by"], shape))
        least, most = o.array(parameters["least"]), o.array(parameters["most"])
        k = float(self.high - self.low) / (most - least + (most <= least) * (1 - most + least))
        y = o("Mul", o("Sub", x, o.shaped(parameters["least"], shape)), o.numbers(k.reshape(shape)))
        return o("Add", y, o.numbers(float(self.low))) if self.low else y
