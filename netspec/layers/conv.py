"""Convolution, the layer the language is about."""

from __future__ import annotations

from math import prod
from typing import Any

from ..ir.graph import Parameter
from ..ir.types import TensorType
from ..words import WordError, count, flag, padding, size
from .layer import OUT, WINDOW, Builder, Example, Layer, names
from .windows import need_image, out_sizes, pads, per_axis, slide


class Conv(Layer, category="convolution"):
    """Convolution (cross-correlation) with learned filters over 1, 2 or 3 spatial axes.

    Shapes:  C x W... -> filters x P...,  P = floor((W - F + 2*pad) / stride) + 1,  F = dilation*(window-1) + 1
    Params:  weight [filters, C/groups, *window], bias [filters]
    Errors:  a window larger than the padded input; groups that do not divide C and filters
    Paper:   LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", 1989
    """

    takes = ("activation", "norm")

    filters: int = count("number of filters, the channels of the result", position=0)
    window: Any = size("size of the window: 3 or 3x3", position=1)
    stride: Any = size("step of the window: /2", default=1)
    pad: Any = padding("zeros around the input: same = (F-1)//2 on both sides, valid = 0, numbers, or (before, after) pairs")
    dilation: Any = size("distance between the taps of a window", default=1)
    groups: int = count("channels are split into this many groups that do not mix", default=1)
    bias: bool = flag("add a learned number to every filter's result", default=True)

    examples = (
        Example("conv 4 3x3", inputs=((3, 5, 5),), output=(4, 5, 5), parameters=112, macs=2700),
        Example("conv 4 3x3 /2 pad=1 bias=no", inputs=((3, 6, 7),), output=(4, 3, 4), parameters=108, macs=1296),
        Example("conv 6 3x2 valid groups=2 dilation=2", inputs=((4, 7, 6),), output=(6, 3, 4), parameters=78, macs=864),
        Example("conv 4 3x3 groups=4", inputs=((4, 5, 4),), output=(4, 5, 4), parameters=40, macs=720),
        Example("conv 5 4 /3 pad=[(1, 2)]", inputs=((2, 11),), output=(5, 4), parameters=45, macs=160),
        Example("conv 2 3 /2", inputs=((3, 5, 4, 6),), output=(2, 3, 2, 3), parameters=164, macs=2916),
    )

    def _geometry(self, rank: int) -> tuple[Any, ...]:
        window, stride, dilation = (per_axis(n, getattr(self, n), rank) for n in ("window", "stride", "dilation"))
        return window, stride, pads(self.pad, window, dilation), dilation

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank = need_image("conv", x.shape)
        window, stride, pad, dilation = self._geometry(rank)
        c, g, f = x.channels, self.groups, self.filters
        if c is not None and (c % g or f % g):
            from math import gcd

            notes = [f"{n} / {g} = {n / g:g}" for n in (c, f)]
            raise WordError("groups must divide the channels on both sides", *notes, label=f"groups={g}: {c} channels in, {f} out",
                            hint=f"try groups={gcd(c, f)}", code="groups")
        return x.of(f, *out_sizes(x.spatial, window, stride, pad, dilation))

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        if x.channels is None:
            raise WordError("the number of channels must be known here", label="it is `?`", code="unknown-size")
        rank = len(x.shape) - 1
        window = per_axis("window", self.window, rank)
        taps = prod(window)
        weight = Parameter("weight", (self.filters, x.channels // self.groups, *window), "weight", "he",
                           fan_in=x.channels // self.groups * taps, fan_out=self.filters // self.groups * taps)
        return (weight, Parameter("bias", (self.filters,), "bias", "zeros")) if self.bias else (weight,)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        rank, c, g, f = len(t.shape) - 1, t.shape[0], self.groups, self.filters
        assert c is not None
        window, stride, pad, dilation = self._geometry(rank)
        p, u, at = ",".join(names(OUT, rank)), ",".join(names(WINDOW, rank)), slide(stride, pad, dilation)
        out = tuple(s for s in self.shape(t).shape if s is not None)
        w = parameters["weight"]
        if g == 1:
            y = b(f"y[n,o,{p}] += x[n,c,{at}] * w[o,c,{u}]", x=x, w=w, out=out)
        elif f == c == g:
            y = b(f"y[n,o,{p}] += x[n,o,{at}] * w[o,0,{u}]", x=x, w=w, out=out)
        else:
            o = f"{f // g}*g+o"
            y = b(f"y[n,{o},{p}] += x[n,{c // g}*g+c,{at}] * w[{o},c,{u}]", x=x, w=w, out=out, over={"g": g, "o": f // g})
        return b.map("y + bias", y=y, bias=parameters["bias"]) if self.bias else y
