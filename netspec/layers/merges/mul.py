"""Element-wise product."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer
from ..parts.shapes import same_shapes


class Mul(Layer, category="merge"):
    """Product of its inputs.

    Shapes:  two or more of one shape -> that shape
    Errors:  shapes that differ
    """

    symbol = "×"
    arity = (1, None)
    onnx = "Mul(x, y)"
    examples = (Example("mul @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("mul @a @b", inputs=((6,), (6,), (6,)), output=(6,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("mul", inputs)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        for x in inputs[1:]:
            y = b.map("a * b", a=y, b=x)
        return y
