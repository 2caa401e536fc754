"""Channel shuffle."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import WordError, count
from ...words.layer import Builder, Example, Layer, known_channels, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_extents import extents, reshaped


class Interleave(Layer, category="move"):
    """The channels of some equal groups take turns: 0 3 1 4 2 5 is `interleave 2` of six. Behind a grouped convolution every
    group of the next one so sees some channels of each. PyTorch's ChannelShuffle.

    Shapes:  C x W... -> the same
    Errors:  groups that do not divide the channels
    Paper:   Zhang et al., "ShuffleNet", 2017 (arXiv:1707.01083)
    """

    groups: int = count("how many groups take turns", position=0)

    onnx_reads = ("Reshape",)
    examples = (Example("interleave 2", inputs=((6, 2, 3),), output=(6, 2, 3)),
                Example("interleave 3", inputs=((6, 2),), output=(6, 2)), Example("interleave 2", inputs=((8,),), output=(8,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if x.channels is not None and x.channels % self.groups:
            raise WordError("groups that take turns have equally many channels",
                            f"{x.channels} / {self.groups} = {x.channels / self.groups:g}",
                            label=f"{x.channels} channels, {self.groups} groups",
                            advice=f"give the layer above {-(-x.channels // self.groups) * self.groups} channels", code="groups")
        return x

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t, g = b.type(x), self.groups
        each, s = known_channels(t) // g, plane(t.shape)
        return str(b(f"y[n,{g}*c+g{s}] = x[n,{each}*g+c{s}]", x=x, out=sizes(t), over={"c": each, "g": g}))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Groups and channels as two axes, which change places."""
        (x,) = inputs
        t = o.type(x)
        c, rank = known_channels(t), len(t.spatial)
        apart = reshaped(o, x, [0, self.groups, c // self.groups, *extents(t)])
        turned = o("Transpose", apart, perm=[0, 2, 1, *range(3, 3 + rank)])
        return reshaped(o, turned, [0, c, *extents(t)], like=x)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        turned = n.before(0)
        apart = turned.before(0) if turned is not None and turned.op == "Transpose" else None
        if apart is None or turned is None or apart.op != "Reshape" or n.out is None or apart.type(0) != n.out:
            return None
        between, rank = apart.out, len(turned.attributes["perm"])
        if between is None or list(turned.attributes["perm"]) != [0, 2, 1, *range(3, rank)] or not between.shape[0]:
            return None
        return Read(cls(groups=between.shape[0]), (apart.inputs[0],)) if between.shape[2:] == n.out.spatial else None
