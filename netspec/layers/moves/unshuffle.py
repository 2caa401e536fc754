"""Pixels into channels, the inverse of the sub-pixel shuffle."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, count, word
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_subpixels import pixels_to_channels, turned_axes
from ..parts.subpixels import ORDERS, channel_of
from ..parts.windows import need_image


class Unshuffle(Layer, category="move"):
    """Every r x r pixels become r x r channels of an image r times as small, the inverse of `shuffle`; as PyTorch's
    PixelUnshuffle. `dcr` orders the channels as TensorFlow's space_to_depth (the passthrough layer of YOLOv2).

    Shapes:  C x H*r x W*r -> C*r*r x H x W
    Errors:  r that does not divide height and width
    Paper:   Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", 2016 (arXiv:1612.08242)
    """

    factor: int = count("how many times as small", default=2, position=0)
    order: str = word("how the channels lie: channel, row, column, or row, column, channel", default="crd", words=ORDERS)

    onnx_reads = ("SpaceToDepth", "Reshape")
    examples = (Example("unshuffle 2", inputs=((2, 6, 4),), output=(8, 3, 2)),
                Example("unshuffle 3 dcr", inputs=((2, 12),), output=(6, 4)),
                Example("unshuffle 2 dcr", inputs=((2, 4, 6),), output=(8, 2, 3)),
                Example("unshuffle 2", inputs=((1, 2, 4, 2),), output=(8, 1, 2, 1)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank, r = need_image("unshuffle", x.shape), self.factor
        for w in x.spatial:
            if w is not None and w % r:
                raise WordError("unshuffle takes r pixels along every axis at a time", f"{w} / {r} = {w / r:g}",
                                label=f"the input is {shape_text(x.shape)}, r = {r}",
                                advice="pad the image, or crop it", code="groups")
        return x.of(None if x.channels is None else x.channels * r**rank, *(None if w is None else w // r for w in x.spatial))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        c, *space = sizes(b.type(x))
        p, u = names(OUT, len(space)), names(WINDOW, len(space))
        at = ",".join(f"{self.factor}*{i}+{j}" for i, j in zip(p, u))
        out = sizes(self.shape(b.type(x)))
        return str(b(f"y[n,{channel_of(self.order, c, self.factor, len(space))},{','.join(p)}] = x[n,c,{at}]", x=x, out=out,
                     over={"c": c} | dict(zip(p, out[1:])) | dict.fromkeys(u, self.factor)))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        if len(o.type(inputs[0]).shape) == 3 and self.order == "dcr":
            return o("SpaceToDepth", inputs[0], blocksize=self.factor)
        return pixels_to_channels(o, inputs[0], self.order, self.factor)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "SpaceToDepth":
            order = n.attributes.get("mode", "DCR").lower()  # which only the newest opsets have
            return Read(cls(factor=n.attributes["blocksize"], order=order), (n.inputs[0],))
        found = turned_axes(n)
        if found is None or len(found[0]) != len(found[3]):
            return None
        (c, *space), apart, perm, (_, *smaller), x = found
        rank = len(space)
        r, rest = divmod(space[0], smaller[0]) if rank else (0, 1)
        places, taps = [2 + 2 * k for k in range(rank)], [3 + 2 * k for k in range(rank)]
        for order, axes in (("crd", [0, 1, *taps, *places]), ("dcr", [0, *taps, 1, *places])):
            if r > 1 and not rest and apart == (c, *(v for w in space for v in (w // r, r))) and perm == tuple(axes):
                return Read(cls(factor=r, order=order), (x,))
        return None
