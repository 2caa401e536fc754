"""Element-wise sum, the join of a residual block."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer
from ..parts.shapes import same_shapes


class Add(Layer, category="merge"):
    """Sum of its inputs.

    Shapes:  two or more of one shape -> that shape
    Errors:  shapes that differ
    Paper:   He et al., "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385)
    """

    symbol = "+"
    arity = (1, None)
    onnx = "Add(x, y)", "Sum(*x)"
    examples = (Example("add @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("add @a @b", inputs=((6,), (6,), (6,)), output=(6,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("add", inputs)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        for x in inputs[1:]:
            y = b.map("a + b", a=y, b=x)
        return y
