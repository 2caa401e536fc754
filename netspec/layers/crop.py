"""Crop to another value's height and width."""

from __future__ import annotations

from typing import Any

from ..ir.types import Size, TensorType, shape_text
from ..words import WordError, count, ref
from .layer import Builder, Example, Layer, plane, sizes


class Crop(Layer, category="move"):
    """The referenced value trimmed to the height and width of the flow, centred (one more lost at the end where the
    difference is odd), or from `offset` on.

    Shapes:  C x W... and @ref D x V... -> D x W...
    Errors:  a reference that is smaller than the flow
    Paper:   Ronneberger, Fischer and Brox, "U-Net", 2015 (arXiv:1505.04597)
    """

    reference: Any = ref("the value to trim", position=0)
    offset: int | None = count("where the part begins, on every axis; centred unless given", default=None, least=0)

    arity = (2, 2)
    examples = (
        Example("crop @a", inputs=((3, 4, 5), (2, 5, 8)), output=(2, 4, 5)),
        Example("crop @a", inputs=((1, 2, 1, 2), (2, 3, 2, 4)), output=(2, 2, 1, 2)),
        Example("crop @a offset=2", inputs=((3, 4), (2, 7)), output=(2, 4)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        flow, x = inputs
        return cropped("crop", flow, x, self.offset)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        flow, x = inputs
        return crop(b, x, b.type(flow), self.offset)


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
