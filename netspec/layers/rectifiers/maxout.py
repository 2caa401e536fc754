"""Maxout."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words import WordError, count
from ...words.layer import Builder, Example, Layer, plane, sizes


class Maxout(Layer, category="activation"):
    """The largest of every `pieces` neighbouring channels; the first of equal ones takes the gradient. `maxout 1` changes
    nothing, so that a parameter may say it.

    Shapes:  C x W... -> C/pieces x W...
    Errors:  pieces that do not divide the channels
    Paper:   Goodfellow et al., "Maxout Networks", 2013 (arXiv:1302.4389)
    """

    pieces: int = count("channels that compete for one result", default=2, position=0)

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
