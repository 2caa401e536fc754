"""Standardising."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..ir.graph import Parameter
from ..ir.types import TensorType
from ..words import WordError, number, value
from ..words.layer import Builder, Example, channelwise, known_channels
from ..words.onnx import OnnxWriter
from ..words.preparation import Preparation, buffer, stated, together
from .parts.moments import Moments, by_channel


class Standardise(Preparation):
    """Each channel to mean 0 and standard deviation 1 over all training examples and places: (x - mean) / std.

    Given numbers are taken as they are, as by torchvision's Normalize. Measured, `std` is that of all the numbers (divided by
    their count); a channel whose deviation is at most `epsilon` does not vary, and is divided by 1.

    Shapes:  C x W... -> the same
    Params:  buffers mean [C], std [C]
    Paper:   LeCun, Bottou, Orr and Müller, "Efficient BackProp", 1998
    """

    mean: Any = value("the mean, where it is known: a number, or one for each channel", default=None)
    std: Any = value("the standard deviation, where it is known: a number, or one for each channel", default=None)
    epsilon: float = number("the largest deviation of a channel that does not vary", default=1e-6, least=0)

    examples = (
        Example("standardise", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("standardise mean=[0.485, 0.456, 0.406] std=[0.229, 0.224, 0.225]", inputs=((3, 4, 4),), output=(3, 4, 4)),
        Example("standardise mean=0.5 std=0.25", inputs=((1, 3, 3),), output=(1, 3, 3)),
        Example("standardise", inputs=((5,),), output=(5,)),
    )

    def check(self) -> None:
        together(self, "mean", "std")

    @property
    def given(self) -> bool:
        return self.mean is not None

    def numbers(self, x: TensorType) -> tuple[Parameter, ...]:
        shape = (known_channels(x),)
        std = stated("std", self.std, shape)
        if std and min(std) <= 0:
            raise WordError("a standard deviation is greater than 0", label=f"std={min(std):g}", code="out-of-range")
        return buffer("mean", shape, "zeros", stated("mean", self.mean, shape)), buffer("std", shape, "ones", std)

    def measure(self, examples: Iterable[Any]) -> dict[str, Any]:
        import numpy as np

        found = Moments()
        for batch in examples:
            found.add(by_channel(batch))
        std = np.sqrt(found.variance)
        return {"mean": found.mean, "std": np.where(std > self.epsilon, std, 1.0)}

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        k = b("k[c] = 1.0 / std[c]", std=parameters["std"])
        return b.map("(x - mean) * k", x=x, mean=parameters["mean"], k=k)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        shape = channelwise(o.type(inputs[0]))
        return o("Div", o("Sub", inputs[0], o.shaped(parameters["mean"], shape)), o.shaped(parameters["std"], shape))
