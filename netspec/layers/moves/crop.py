"""Crop to another value's height and width."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, count, padding, ref
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_extents import plane_of
from ..parts.onnx_slices import slices
from ..parts.onnx_windows import fewest_pads
from ..parts.shapes import smallest
from ..parts.windows import need_image, pads


class Crop(Layer, category="move"):
    """The flow cut to the height and width of the referenced value, centred (one more lost at the end where the difference
    is odd), or from `offset` on. Without a reference less at its edges: `crop [(1, 2), (0, 3)]`.

    Shapes:  C x W... and @ref D x V... -> C x V...;  C x W... -> C x (W - before - after)...
    Errors:  a flow that is smaller than the reference; a cut that leaves nothing
    Paper:   Ronneberger, Fischer and Brox, "U-Net", 2015 (arXiv:1505.04597)
    """

    amount: Any = padding("how much is cut off: a number, one an axis, or (before, after) pairs", default=0, words=(), position=0)
    reference: Any = ref("the value whose height and width it takes", default=None, position=1)
    offset: int | None = count("where the part that stays begins, on every axis; centred unless given", default=None, least=0)

    refers = "size"
    arity = (1, None)  # a merge with `crop` hands in all that it joins: the smallest of them on each axis decides
    onnx_reads = ("Slice",)
    examples = (
        Example("crop @a", inputs=((2, 5, 8), (3, 4, 5)), output=(2, 4, 5)),
        Example("crop @a", inputs=((2, 3, 2, 4), (1, 2, 1, 2)), output=(2, 2, 1, 2)),
        Example("crop @a offset=2", inputs=((2, 7), (3, 4)), output=(2, 4)),
        Example("crop 1", inputs=((2, 4, 5),), output=(2, 2, 3)),
        Example("crop [(1, 2), (0, 3)]", inputs=((2, 6, 5),), output=(2, 3, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        flow, *references = inputs
        if not references:
            return self._less(flow)
        need_image("crop", flow.shape)
        if self.amount:
            raise WordError("crop takes a value to be cut to, or how much to cut off, not both",
                            label=f"@{self.reference} and {self.amount}", code="wrong-argument")
        return self._cut(flow, references)

    def _less(self, x: TensorType) -> TensorType:
        if not self.amount or self.offset is not None:
            raise WordError("crop needs a value to be cut to, or how much to cut off", label="it has neither" if not self.amount
                            else "offset= belongs to a reference", hint="crop @input   or   crop 1", code="wrong-argument")
        rank = need_image("crop", x.shape)
        cut = pads(self.amount, (1,) * rank, (1,) * rank)
        if any(w is not None and a + z >= w for w, (a, z) in zip(x.spatial, cut)):
            raise WordError("cutting that much leaves nothing", label=f"the input is {shape_text(x.shape)}",
                            code="window-too-large")
        return x.of(x.channels, *(None if w is None else w - a - z for w, (a, z) in zip(x.spatial, cut)))

    def _cut(self, flow: TensorType, references: list[TensorType]) -> TensorType:
        """The flow's type in the smallest plane of the references."""
        for r in references:
            if len(flow.shape) != len(r.shape):
                raise WordError("crop cuts one image to the size of another, so both need the same number of axes",
                                f"flow: {shape_text(flow.shape)}", f"reference: {shape_text(r.shape)}",
                                label=f"{shape_text(flow.shape)} to {shape_text(r.shape)}", code="wrong-rank")
        out = smallest(references)
        for have, want in zip(flow.spatial, out):
            if want is not None and have is not None and want + (self.offset or 0) > have:
                whole = all(w is not None and h is not None and h + (self.offset or 0) <= w for h, w in zip(flow.spatial, out))
                # as a reference was once trimmed to the flow
                turned = f"@{self.reference} -> crop @flow" + (f" offset={self.offset}" if self.offset else "")
                raise WordError("crop cuts the flow to the reference, and here the flow is the smaller one",
                                f"flow: {shape_text(flow.shape)}", f"reference: {shape_text(references[0].shape)}",
                                label=f"{have} to {want}" + (f" from {self.offset} on" if self.offset else ""),
                                hint=turned if whole else f"to enlarge it:  up @{self.reference}", code="shape-mismatch")
        return flow.of(flow.channels, *out)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        flow, *references = inputs
        have, t = b.type(flow), self.shape(*map(b.type, inputs))
        if t == have:
            return flow
        s, rank = plane(t.shape), len(t.spatial)
        if references:
            starts = [(w - v) // 2 if self.offset is None else self.offset for w, v in zip(sizes(have)[1:], sizes(t)[1:])]
        else:
            starts = [a for a, _ in pads(self.amount, (1,) * rank, (1,) * rank)]
        at = ",".join(i if w == v else f"{i}+{k}" for i, w, v, k in zip(s[1:].split(","), sizes(have)[1:], sizes(t)[1:], starts))
        return str(b(f"y[n,c{s}] = x[n,c,{at}]", x=flow, out=sizes(t)))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """A cut to a reference is computed from the two shapes, so that it holds for other sizes as well."""
        x, *references = inputs
        rank = len(o.type(x).shape) - 1
        axes = o.numbers(list(range(2, rank + 2)), whole=True)
        if not references:
            cut = pads(self.amount, (1,) * rank, (1,) * rank)
            starts, ends = ([a for a, _ in cut], [-z if z else 2**31 for _, z in cut])
            return o("Slice", x, o.numbers(starts, whole=True), o.numbers(ends, whole=True), axes)
        if len(references) > 1 and all(o.type(v).known for v in inputs):
            return self._to_the_smallest(o, x, references)
        have, want = plane_of(o, x), o("Min", *(plane_of(o, v) for v in references)) if len(references) > 1 else plane_of(o, references[0])
        if self.offset is None:
            start = o("Div", o("Sub", have, want), o.numbers([2], whole=True))
        else:
            start = o.numbers([self.offset] * rank, whole=True)
        return o("Slice", x, start, o("Add", start, want), axes)

    def _to_the_smallest(self, o: OnnxWriter, x: str, references: list[str]) -> str:
        have, want = o.type(x), self.shape(*map(o.type, (x, *references)))
        starts = [(w - v) // 2 if self.offset is None else self.offset for w, v in zip(sizes(have)[1:], sizes(want)[1:])]
        ends = [a + v for a, v in zip(starts, sizes(want)[1:])]
        return x if want == have else o("Slice", x, o.numbers(starts, whole=True), o.numbers(ends, whole=True),
                                        o.numbers(list(range(2, len(starts) + 2)), whole=True))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        cut, x, out = slices(n), n.type(0), n.out
        if not cut or 1 in cut or 0 in cut or x is None or out is None or not x.known:
            return None
        around = tuple((cut[k][0], w - cut[k][1]) if k in cut else (0, 0) for k, w in enumerate(sizes(x)[1:], 2))
        like = [v for v in (*n.origins(1), *n.origins(2)) if v != n.inputs[0]]
        centred = all(a == (a + z) // 2 for a, z in around)
        offset = {a for a, _ in around}
        if like and (centred or len(offset) == 1):
            return Read(cls(reference="like", offset=None if centred else offset.pop()), (n.inputs[0], like[0]))
        return Read(cls(amount=fewest_pads(around)), (n.inputs[0],))
