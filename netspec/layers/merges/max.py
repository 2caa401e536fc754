"""Element-wise maximum, and the largest of views or channels."""

from __future__ import annotations

from typing import Any, ClassVar

from ...ir.types import TensorType
from ...words import text
from ...words.layer import Builder, Example, Layer, known_channels, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.images import CHANNELS, each, over_channels, over_views, pooled
from ..parts.shapes import same_shapes


class Max(Layer, category="merge"):
    """Largest of its inputs, element by element; of equal ones the first takes the gradient. `over=v` takes the largest
    over the images of `each v:` instead (view pooling), and `over=channels` that over the channels of each place.

    Shapes:  two or more of one shape -> that shape; C x W... -> 1 x W... with `over=channels`
    Errors:  shapes that differ
    Paper:   Su et al., "Multi-view Convolutional Neural Networks for 3D Shape Recognition", 2015 (arXiv:1505.00880)
    """

    over: str | None = text("the name of the `each` whose images are pooled; or channels", default=None)

    arity = (1, None)
    onnx: ClassVar[str] = "Max(*x)"
    onnx_reads: ClassVar[tuple[str, ...]] = ("ReduceMax", "Unsqueeze")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("max @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
        Example("max @a @b", inputs=((6,), (6,), (6,)), output=(6,)),
        Example("max over=v", inputs=((4, 3, 2, 2),), output=(3, 2, 2)),
        Example("max over=v", inputs=((3, 5),), output=(5,)),
        Example("max over=channels", inputs=((4, 3, 2),), output=(1, 3, 2)),
        Example("max over=channels", inputs=((5,),), output=(1,)),
    )

    sign = ""

    def shape(self, *inputs: TensorType) -> TensorType:
        return same_shapes(self.name, inputs) if self.over is None else pooled(self.name, inputs, self.over)

    def sees(self, before: TensorType, after: TensorType) -> bool:
        return self.over not in (None, CHANNELS) and before.batch > after.batch

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        if self.over == CHANNELS:
            s = plane(b.type(inputs[0]).shape)
            y = str(b(f"y[n,0{s}] max= {self.sign}x[n,c{s}]", x=inputs[0]))
            b.save(y=y)
            return b.map("-y", y=y) if self.sign else str(y)
        if self.over is not None:
            read, at, views = each(b, inputs[0])
            y, place = b(f"y[{at}], i[{at}] max= {self.sign}x[{read}]", x=inputs[0], over={"v": views}, batch=1)
            b.save(place=place)
            return b.map("-y", y=y) if self.sign else str(y)
        y = inputs[0]
        for k, x in enumerate(inputs[1:]):
            new = b.map(f"{self.name}(a, b)", a=y, b=x)
            b.save(**{f"y{k}": y})
            y = new
        return str(y)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        if self.over == CHANNELS:
            t = b.type(inputs[0])
            s = plane(t.shape)
            here = f"{self.sign}x[n,c{s}] == y[n,0{s}]"
            first = b(f"i[n,0{s}] max= where({here}, -c, {-float(known_channels(t))!r})", x=inputs[0], y=saved["y"])
            return (str(b(f"dx[n,c{s}] = where(i[n,0{s}] == -c, dy[n,0{s}], 0.0)", i=first, dy=dy, out=sizes(t),
                          over={"c": known_channels(t)})),), {}
        if self.over is not None:
            t = b.type(inputs[0])
            read, at, views = each(b, inputs[0])
            dx = b(f"dx[{read}] += where(i[{at}] == v, dy[{at}], 0.0)", i=saved["place"], dy=dy, out=sizes(t), over={"v": views},
                   batch=t.batch)
            return (dx,), {}
        better = "<" if self.name == "max" else ">"
        out: list[str] = []
        for k in reversed(range(len(inputs) - 1)):
            a, z = saved[f"y{k}"], inputs[k + 1]
            out.insert(0, b.map(f"where(a {better} b, dy, 0.0)", a=a, b=z, dy=dy))
            dy = b.map(f"where(a {better} b, 0.0, dy)", a=a, b=z, dy=dy)
        return (dy, *out), {}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o.reduce("ReduceMax" if self.name == "max" else "ReduceMin", inputs[0], [1], keep=self.over == CHANNELS)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        return over_channels(cls, cls.onnx_reads[0], n) or over_views(cls, cls.onnx_reads[0], n)
