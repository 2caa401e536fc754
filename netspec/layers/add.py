"""Element-wise sum, the join of a residual block."""

from __future__ import annotations

from ..ir.types import TensorType, shape_text
from ..words import WordError
from .layer import Builder, Example, Layer


def same_shapes(layer: str, inputs: tuple[TensorType, ...]) -> TensorType:
    """The common shape of several inputs; refuses inputs that differ."""
    first = inputs[0]
    for k, other in enumerate(inputs[1:], 2):
        if other.shape != first.shape and not (len(other.shape) == len(first.shape)
                                               and all(a is None or b is None or a == b
                                                       for a, b in zip(first.shape, other.shape))):
            raise WordError(f"{layer} works element by element, so the shapes must be equal",
                            f"input 1: {shape_text(first.shape)}", f"input {k}: {shape_text(other.shape)}",
                            label=f"{shape_text(first.shape)} with {shape_text(other.shape)}", code="shape-mismatch")
    return first


class Add(Layer, category="merge"):
    """Sum of its inputs.

    Shapes:  two or more of one shape -> that shape
    Errors:  shapes that differ
    Paper:   He et al., "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385)
    """

    arity = (1, None)
    examples = (Example("add @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("add @a @b", inputs=((6,), (6,), (6,)), output=(6,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("add", inputs)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        for x in inputs[1:]:
            y = b.map("a + b", a=y, b=x)
        return y
