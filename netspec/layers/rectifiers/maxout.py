"""Maxout."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import WordError, count
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read


class Maxout(Layer, category="activation"):
    """The largest of every `pieces` neighbouring channels; the first of equal ones takes the gradient. `maxout 1` changes
    nothing, so that a parameter may say it.

    Shapes:  C x W... -> C/pieces x W...
    Errors:  pieces that do not divide the channels
    Paper:   Goodfellow et al., "Maxout Networks", 2013 (arXiv:1302.4389)
    """

    pieces: int = count("channels that compete for one result", default=2, position=0)

    onnx_reads = ("Max",)
    examples = (Example("maxout 2", inputs=((6, 3, 2),), output=(3, 3, 2)), Example("maxout 3", inputs=((6,),), output=(2,)),
                Example("maxout 1", inputs=((4, 3),), output=(4, 3)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.channels is None:
            return x
        if x.channels % self.pieces:
            raise WordError("maxout takes the largest of each group of channels, so the group must divide them",
                            f"{x.channels} / {self.pieces} = {x.channels / self.pieces:g}",
                            label=f"{x.channels} channels, groups of {self.pieces}",
                            advice=f"give the layer above {-(-x.channels // self.pieces) * self.pieces} channels", code="groups")
        return x.of(x.channels // self.pieces, *x.spatial)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.pieces == 1:  # so that a parameter may say it
            return x
        t = b.type(x)
        s = plane(t.shape)
        y, place = b(f"y[n,c{s}], i[n,c{s}] max= x[n,{self.pieces}*c+j{s}]", x=x, out=sizes(self.shape(t)),
                     over={"j": self.pieces})
        b.save(place=place)
        return str(y)

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        if self.pieces == 1:
            return (dy,), {}
        t = b.type(inputs[0])
        s = plane(t.shape)
        dx = b(f"dx[n,{self.pieces}*c+j{s}] += where(i[n,c{s}] == j, dy[n,c{s}], 0.0)", i=saved["place"], dy=dy, out=sizes(t),
               over={"j": self.pieces})
        return (dx,), {}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """The largest of the channels k, k + pieces, k + 2*pieces, ..."""
        end, axis, step = (o.numbers([v], whole=True) for v in (2**31, 1, self.pieces))
        each = [o("Slice", inputs[0], o.numbers([k], whole=True), end, axis, step) for k in range(self.pieces)]
        return o("Max", *each) if self.pieces > 1 else inputs[0]

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        parts = [n.before(k) for k in range(len(n.inputs))]
        for k, p in enumerate(parts):
            said = [] if p is None or p.op != "Slice" else [p.array(j) for j in (1, 3, 4)]
            if not said or any(a is None for a in said) or [int(a.reshape(-1)[0]) for a in said] != [k, 1, len(parts)]:
                return None
        sources = {p.inputs[0] for p in parts if p is not None}
        return Read(cls(pieces=len(parts)), (sources.pop(),)) if len(sources) == 1 and len(parts) > 1 else None
