"""Rectified linear unit."""

from __future__ import annotations

from ..ir.types import TensorType
from .layer import Builder, Example, Layer


class Relu(Layer, category="activation"):
    """Rectifier, y = max(x, 0). Its derivative at 0 is 0.

    Shapes:  any -> the same
    Paper:   Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010
    """

    examples = (Example("relu", inputs=((3, 4, 5),), output=(3, 4, 5)), Example("relu", inputs=((7,),), output=(7,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        return b.map("max(x, 0.0)", x=inputs[0])
