"""Channel shuffle."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words import WordError, count
from ...words.layer import Builder, Example, Layer, known_channels, plane, sizes


class Interleave(Layer, category="move"):
    """The channels of some equal groups take turns: 0 3 1 4 2 5 is `interleave 2` of six. Behind a grouped convolution every
    group of the next one so sees some channels of each. PyTorch's ChannelShuffle.

    Shapes:  C x W... -> the same
    Errors:  groups that do not divide the channels
    Paper:   Zhang et al., "ShuffleNet", 2017 (arXiv:1707.01083)
    """

    groups: int = count("how many groups take turns", position=0)

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
