"""Another shape for the same numbers."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, size
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.shapes import row_major


class Reshape(Layer, category="move"):
    """The same numbers in the same order (channel, row, column) under another shape.

    Shapes:  C x W... -> the shape given
    Errors:  a shape with another number of elements
    """

    to: Any = size("the new shape: 16x8x8", position=0)

    renames = True
    onnx_reads = ("Reshape", "Squeeze", "Unsqueeze")
    examples = (
        Example("reshape 4x3x2", inputs=((24,),), output=(4, 3, 2)),
        Example("reshape 2x12", inputs=((4, 3, 2),), output=(2, 12)),
        Example("reshape 24", inputs=((2, 3, 4),), output=(24,)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        to = (self.to,) if isinstance(self.to, int) else tuple(self.to)
        if x.known and x.size != prod(to):
            raise WordError("reshape keeps the number of elements", f"input: {shape_text(x.shape)} = {x.size}",
                            f"result: {shape_text(to)} = {prod(to)}",
                            label=f"{shape_text(x.shape)} to {shape_text(to)}", hint=f"reshape {x.size}", code="shape-mismatch")
        if not 1 <= len(to) <= 4:
            raise WordError("a value has channels and up to 3 spatial axes", label=f"{len(to)} axes", code="wrong-rank")
        return x.of(*to)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t, want = b.type(x), self.shape(b.type(x))
        if len(t.shape) > 1 and t != want:
            flat = str(b(f"z[n,{row_major(sizes(t))}] = x[n,c{plane(t.shape)}]", x=x, out=(t.size,)))
            b.same(flat, x)
            x = flat
        if len(want.shape) == 1 or t == want:
            return x
        s = plane(want.shape)
        y = b(f"y[n,c{s}] = z[n,{row_major(sizes(want))}]", z=x, out=sizes(want),
              over=dict(zip(("c", *s[1:].split(",")), sizes(want))))
        b.same(y, x)
        return str(y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o("Reshape", inputs[0], o.numbers([0, *((self.to,) if isinstance(self.to, int) else self.to)], whole=True))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, out = n.type(0), n.out
        if x is None or out is None or not out.known or not x.known:
            return None
        return Read(cls(to=sizes(out) if len(out.shape) > 1 else out.size), (n.inputs[0],))
