"""Flatten to a vector."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.shapes import row_major


class Flatten(Layer, category="move"):
    """All numbers of an image in a row: channel, then row, then column. `fc` flattens by itself, and costs no copy after it.

    Shapes:  C x W... -> C*W...
    Errors:  an input whose size is not known
    """

    renames = True
    onnx_reads = ("Flatten", "Reshape", "Squeeze")
    examples = (Example("flatten", inputs=((3, 2, 4),), output=(24,)), Example("flatten", inputs=((5,),), output=(5,)),
                Example("flatten", inputs=((2, 2, 3, 2),), output=(24,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not x.known:
            raise WordError("flatten needs to know the size of its input", label=f"the input is {shape_text(x.shape)}",
                            advice="bind the size (--input 3x224x224), or put  avgpool global ->  before it", code="unknown-size")
        return x.of(x.size)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        if len(t.shape) == 1:
            return x
        y = b(f"y[n,{row_major(sizes(t))}] = x[n,c{plane(t.shape)}]", x=x, out=(t.size,))
        b.same(y, x)
        return str(y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o("Flatten", inputs[0], axis=1)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, out = n.type(0), n.out
        return Read(cls(), (n.inputs[0],)) if x is not None and out is not None and len(out.shape) == 1 else None
