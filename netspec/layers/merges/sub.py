"""Element-wise difference."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer
from ..parts.shapes import same_shapes


class Sub(Layer, category="merge"):
    """The first input less the others.

    Shapes:  two or more of one shape -> that shape
    Errors:  shapes that differ
    """

    symbol = "−"
    in_order = True
    arity = (1, None)
    onnx = "Sub(x, y)"
    examples = (Example("sub @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("sub @a @b", inputs=((6,), (6,), (6,)), output=(6,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("sub", inputs)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        for x in inputs[1:]:
            y = b.map("a - b", a=y, b=x)
        return y
