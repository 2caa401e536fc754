"""Sub-pixel shuffle."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import WordError, count, word
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_subpixels import channels_to_pixels, turned_axes
from ..parts.subpixels import ORDERS, channel_of
from ..parts.windows import need_image


class Shuffle(Layer, category="move"):
    """Channels become pixels: every r x r channels one channel of an image r times as large, as PyTorch's PixelShuffle
    (the channels lie as channel, row, column). `dcr` reads them as row, column, channel: TensorFlow's depth_to_space.

    Shapes:  C*r*r x H x W -> C x H*r x W*r
    Errors:  r*r that does not divide the channels
    Paper:   Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016 (arXiv:1609.05158)
    """

    factor: int = count("how many times as large", default=2, position=0)
    order: str = word("how the channels lie: channel, row, column, or row, column, channel", default="crd", words=ORDERS)

    onnx_reads = ("DepthToSpace", "Reshape")
    examples = (Example("shuffle 2", inputs=((8, 3, 2),), output=(2, 6, 4)),
                Example("shuffle 3", inputs=((6, 4),), output=(2, 12)),
                Example("shuffle 2 dcr", inputs=((8, 2, 3),), output=(2, 4, 6)),
                Example("shuffle 2", inputs=((8, 1, 2, 1),), output=(1, 2, 4, 2)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank, r = need_image("shuffle", x.shape), self.factor
        n = r**rank
        if x.channels is not None and x.channels % n:
            raise WordError("shuffle turns r*r channels into the pixels of one", f"{x.channels} / {n} = {x.channels / n:g}",
                            label=f"{x.channels} channels, r = {r}",
                            advice=f"give the layer above {-(-x.channels // n) * n} channels", code="groups")
        return x.of(None if x.channels is None else x.channels // n, *(None if w is None else w * r for w in x.spatial))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        rank, r = len(b.type(x).shape) - 1, self.factor
        p, u = names(OUT, rank), names(WINDOW, rank)
        out = sizes(self.shape(b.type(x)))
        channel = channel_of(self.order, out[0], r, rank)
        return str(b(f"y[n,c,{','.join(f'{r}*{i}+{j}' for i, j in zip(p, u))}] = x[n,{channel},{','.join(p)}]", x=x, out=out,
                     over={"c": out[0]} | dict.fromkeys(u, r)))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        if len(o.type(inputs[0]).shape) == 3:
            return o("DepthToSpace", inputs[0], blocksize=self.factor, mode=self.order.upper())
        return channels_to_pixels(o, inputs[0], self.order, self.factor)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "DepthToSpace":
            return Read(cls(factor=n.attributes["blocksize"], order=n.attributes.get("mode", "DCR").lower()), (n.inputs[0],))
        found = turned_axes(n)
        if found is None or len(found[0]) != len(found[3]):
            return None
        (c, *space), apart, perm, (_, *larger), x = found
        rank = len(space)
        r, rest = divmod(larger[0], space[0]) if rank else (0, 1)
        turns = [(rank + 2 + k, 2 + k) for k in range(rank)], [(rank + 2 + k, 1 + k) for k in range(rank)]
        for order, channel, pairs, shape in (("crd", 1, turns[0], (c // max(r, 1)**rank, *(r,) * rank, *space)),
                                             ("dcr", rank + 1, turns[1], (*(r,) * rank, c // max(r, 1)**rank, *space))):
            if r > 1 and not rest and apart == shape and perm == (0, channel, *(a for p in pairs for a in p)):
                return Read(cls(factor=r, order=order), (x,))
        return None
