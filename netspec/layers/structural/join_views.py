"""What the end of an `each v:` does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.images import ONE
from ..parts.onnx_extents import extents, reshaped


class JoinViews(Layer, category="move", name="join_views", structural=True):
    """The images of a sample as one value again, with a first axis that counts them.

    Shapes:  V images of C x W... -> V x C x W...
    """

    onnx_reads = ("Reshape",)
    examples = (Example("join_views", inputs=((2, 4, 5),), output=(3, 2, 4, 5), views=3),
                Example("join_views", inputs=((5,),), output=(2, 5), views=2))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return replace(x, shape=(x.batch, *x.shape), batch=1)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        s = plane(t.shape)
        y = str(b(f"y[n,v,c{s}] = x[{t.batch}*n+v,c{s}]", x=x, out=(t.batch, *sizes(t)), over={"v": t.batch}, batch=1))
        b.same(y, x)
        return y

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        views = o.type(inputs[0]).batch
        o.note = ONE if views == 1 else ""
        return reshaped(o, inputs[0], [-1, views, *extents(o.type(inputs[0]), 1)])

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        x, out = n.type(0), n.out
        if x is None or out is None or out.batch > 1 or out.shape != (x.batch, *x.shape):
            return None
        return Read(cls(), n.inputs[:1]) if x.batch > 1 or n.note == ONE else None
