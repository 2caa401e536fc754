"""Element-wise mean, and mean over views."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words import text
from ...words.layer import Builder, Example, Layer
from ...words.onnx import OnnxWriter
from ..parts.images import each, pooled
from ..parts.shapes import same_shapes


class Mean(Layer, category="merge"):
    """Mean of its inputs, element by element; `over=v` takes the mean over the images of `each v:` instead.

    Shapes:  two or more of one shape -> that shape
    Errors:  shapes that differ
    """

    over: str | None = text("the name of the `each` whose images are pooled", default=None)

    arity = (1, None)
    onnx = "Mean(*x)"
    examples = (
        Example("mean @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
        Example("mean @a @b", inputs=((6,), (6,), (6,)), output=(6,)),
        Example("mean over=v", inputs=((4, 3, 2, 2),), output=(3, 2, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes("mean", inputs) if self.over is None else pooled("mean", inputs)

    def sees(self, before: TensorType, after: TensorType) -> bool:
        return self.over is not None and before.batch > after.batch

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        if self.over is not None:
            read, at, views = each(b, y)
            return str(b(f"y[{at}] += x[{read}] / {float(views)!r}", x=y, over={"v": views}, batch=1))
        for x in inputs[1:]:
            y = b.map("a + b", a=y, b=x)
        return b.map(f"y / {float(len(inputs))!r}", y=y) if len(inputs) > 1 else y

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o.reduce("ReduceMean", inputs[0], [1], keep=False)
