"""Crop to another value's height and width."""

from __future__ import annotations

from typing import Any

from ..ir.types import Size, TensorType, shape_text
from ..words import WordError, count, padding, ref
from .layer import Builder, Example, Layer, plane, sizes
from .windows import need_image, pads


class Crop(Layer, category="move"):
    """The referenced value trimmed to the height and width of the flow, centred (one more lost at the end where the
    difference is odd), or from `offset` on. Without a reference the flow itself, `crop [(1, 2), (0, 3)]` less at its edges.

    Shapes:  C x W... and @ref D x V... -> D x W...;  C x W... -> C x (W - before - after)...
    Errors:  a reference that is smaller than the flow; a cut that leaves nothing
    Paper:   Ronneberger, Fischer and Brox, "U-Net", 2015 (arXiv:1505.04597)
    """

    amount: Any = padding("how much is cut off: a number, one an axis, or (before, after) pairs", default=0, words=(), position=0)
    reference: Any = ref("the value to trim", default=None, position=1)
    offset: int | None = count("where the part of the reference begins, on every axis; centred unless given", default=None, least=0)

    arity = (1, 2)
    examples = (
        Example("crop @a", inputs=((3, 4, 5), (2, 5, 8)), output=(2, 4, 5)),
        Example("crop @a", inputs=((1, 2, 1, 2), (2, 3, 2, 4)), output=(2, 2, 1, 2)),
        Example("crop @a offset=2", inputs=((3, 4), (2, 7)), output=(2, 4)),
        Example("crop 1", inputs=((2, 4, 5),), output=(2, 2, 3)),
        Example("crop [(1, 2), (0, 3)]", inputs=((2, 6, 5),), output=(2, 3, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        flow, *reference = inputs
        if not reference:
            return self._less(flow)
        if self.amount:
            raise WordError("crop takes a value to trim, or how much to cut off, not both", label=f"@{self.reference} and {self.amount}", code="wrong-argument")
        return cropped("crop", flow, reference[0], self.offset)

    def _less(self, x: TensorType) -> TensorType:
        if not self.amount or self.offset is not None:
            raise WordError("crop needs the value to trim, or how much to cut off", label="it has neither" if not self.amount else "offset= is where a reference begins",
                            hint="crop @conv1  or  crop [(1, 2), (0, 0)]", code="wrong-argument")
        rank = need_image("crop", x.shape)
        cut = pads(self.amount, (1,) * rank, (1,) * rank)
        if any(w is not None and a + z >= w for w, (a, z) in zip(x.spatial, cut)):
            raise WordError("cutting that much leaves nothing", label=f"the input is {shape_text(x.shape)}", code="window-too-large")
        return x.of(x.channels, *(None if w is None else w - a - z for w, (a, z) in zip(x.spatial, cut)))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        flow, *reference = inputs
        if reference:
            return crop(b, reference[0], b.type(flow), self.offset)
        t = self.shape(b.type(flow))
        s, rank = plane(t.shape), len(t.spatial)
        at = ",".join(f"{i}+{a}" for i, (a, _) in zip(s[1:].split(","), pads(self.amount, (1,) * rank, (1,) * rank)))
        return str(b(f"y[n,c{s}] = x[n,c,{at}]", x=flow, out=sizes(t)))


def cropped(layer: str, flow: TensorType, x: TensorType, offset: int | None = None) -> TensorType:
    """The type of `x` trimmed to the plane of `flow`."""
    if len(flow.shape) != len(x.shape):
        raise WordError(f"{layer} trims one image to another, so both need the same number of axes", f"flow: {shape_text(flow.shape)}", f"reference: {shape_text(x.shape)}",
                        label=f"{shape_text(x.shape)} to {shape_text(flow.shape)}", code="wrong-rank")
    out: list[Size] = []
    for want, have in zip(flow.spatial, x.spatial):
        if want is not None and have is not None and want + (offset or 0) > have:
            raise WordError("the referenced value is smaller than what it is trimmed to", f"flow: {shape_text(flow.shape)}", f"reference: {shape_text(x.shape)}",
                            label=f"{have} to {want}" + (f" from {offset} on" if offset else ""), hint="pad the smaller one, or crop the other way round", code="shape-mismatch")
        out.append(want)
    return x.of(x.channels, *out)


def crop(b: Builder, x: str, flow: TensorType, offset: int | None = None) -> str:
    """The formula that trims `x` to the plane of `flow`."""
    t = cropped("crop", flow, b.type(x), offset)
    if t == b.type(x):
        return x
    s = plane(t.shape)
    cuts = [(want, have, (have - want) // 2 if offset is None else offset) for want, have in zip(sizes(t)[1:], sizes(b.type(x))[1:])]
    at = ",".join(i if want == have else f"{i}+{k}" for i, (want, have, k) in zip(s[1:].split(","), cuts))
    return str(b(f"y[n,c{s}] = x[n,c,{at}]", x=x, out=sizes(t)))
