"""What `each v:` opens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.images import ONE
from ..parts.onnx_extents import extents, reshaped


class SplitViews(Layer, category="move", name="split_views", structural=True):
    """The first axis becomes images of their own: what `each v:` does to the flow.

    Shapes:  V x C x W... -> V images of C x W...
    """

    onnx_reads = ("Reshape",)
    examples = (Example("split_views", inputs=((3, 2, 4, 5),), output=(2, 4, 5)),
                Example("split_views", inputs=((2, 5),), output=(5,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.channels is None or len(x.shape) < 2:
            raise WordError("each runs over the first axis of its input, and needs to know how many there are",
                            label=f"the input is {shape_text(x.shape)}",
                            advice="an input of views is declared with them first:  input (12, 3, 224, 224)", code="wrong-rank")
        return replace(x, shape=x.shape[1:], batch=x.batch * x.channels)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        views, *shape = sizes(t)
        s = plane(shape)
        return str(b(f"y[{views}*n+v,c{s}] = x[n,v,c{s}]", x=x, out=tuple(shape), batch=t.batch * views))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        o.note = ONE if o.type(inputs[0]).channels == 1 else ""
        return reshaped(o, inputs[0], [-1, *extents(o.type(inputs[0]))])

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, out = n.type(0), n.out
        if x is None or out is None or x.batch > 1 or x.shape != (out.batch, *out.shape):
            return None
        return Read(cls(), n.inputs[:1]) if out.batch > 1 or n.note == ONE else None
