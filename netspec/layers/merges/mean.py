"""Element-wise mean, and mean over views or channels."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import text
from ...words.layer import Builder, Example, Layer, known_channels, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.images import CHANNELS, each, over_channels, over_views, pooled
from ..parts.shapes import same_shapes


class Mean(Layer, category="merge"):
    """Mean of its inputs, element by element; `over=v` takes the mean over the images of `each v:` instead, and `over=channels`
    that over the channels of each place.

    Shapes:  two or more of one shape -> that shape; C x W... -> 1 x W... with `over=channels`
    Errors:  shapes that differ
    """

    over: str | None = text("the name of the `each` whose images are pooled; or channels", default=None)

    arity = (1, None)
    onnx = "Mean(*x)"
    onnx_reads = ("ReduceMean", "Unsqueeze")
    examples = (
        Example("mean @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
        Example("mean @a @b", inputs=((6,), (6,), (6,)), output=(6,)),
        Example("mean over=v", inputs=((4, 3, 2, 2),), output=(3, 2, 2)),
        Example("mean over=channels", inputs=((4, 3, 2),), output=(1, 3, 2)),
        Example("mean over=channels", inputs=((5,),), output=(1,)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("mean", inputs) if self.over is None else pooled("mean", inputs, self.over)

    def sees(self, before: TensorType, after: TensorType) -> bool:
        return self.over not in (None, CHANNELS) and before.batch > after.batch

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        if self.over == CHANNELS:
            s = plane(b.type(y).shape)
            return str(b(f"y[n,0{s}] += x[n,c{s}] / {float(known_channels(b.type(y)))!r}", x=y))
        if self.over is not None:
            read, at, views = each(b, y)
            return str(b(f"y[{at}] += x[{read}] / {float(views)!r}", x=y, over={"v": views}, batch=1))
        for x in inputs[1:]:
            y = b.map("a + b", a=y, b=x)
        return b.map(f"y / {float(len(inputs))!r}", y=y) if len(inputs) > 1 else y

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o.reduce("ReduceMean", inputs[0], [1], keep=self.over == CHANNELS)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        return over_channels(cls, "ReduceMean", n) or over_views(cls, "ReduceMean", n)
