"""Transposed convolution."""

from __future__ import annotations

from dataclasses import replace
from math import gcd, prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.initialisers import FITTING
from ...ir.types import Size, TensorType
from ...words import WordError, count, flag, padding, size
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, known_channels, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.lengths import in_parts, weight_of
from ..parts.onnx_windows import attributes, fewest, shortest, written
from ..parts.windows import halves, need_image, pads, per_axis, slide


class Deconv(Layer, category="convolution"):
    """Transposed convolution, the gradient of a convolution run forwards: every input place adds a window to the result.

    As PyTorch's ConvTranspose. `valid` (no cropping) is the default; `same`, or `same_upper`, crops, or extends, to stride times
    the input (what is odd goes at the end, as in Keras), `same_lower` with the odd one at the beginning. `output_pad` makes the
    result larger at its end. `weight_norm` learns a direction and a length for the filters of each channel that it reads, as in
    PyTorch.

    Shapes:  C x W... -> filters x P...,  P = (W - 1)*stride - 2*pad + F + output_pad,  F = dilation*(window-1) + 1
    Params:  weight [C, filters/groups, *window], bias [filters]; with `weight_norm` weight_v of the weight's shape and
             weight_g [C] in its place
    Errors:  padding that leaves nothing; groups that do not divide C and filters
    Paper:   Zeiler et al., "Deconvolutional Networks", 2010; Long, Shelhamer and Darrell, 2014 (arXiv:1411.4038)
    """

    takes = ("activation", "norm")

    filters: int = count("number of filters, the channels of the result", position=0)
    window: Any = size("size of the window: 3 or 3x3", position=1)
    stride: Any = size("how far apart the windows of neighbouring inputs lie: /2", default=1)
    pad: Any = padding("what is cropped from the result's edges", default="valid")
    output_pad: Any = size("numbers more at the end of the result", default=0, least=0)
    dilation: Any = size("distance between the taps of a window", default=1)
    groups: int = count("channels are split into this many groups that do not mix", default=1)
    bias: bool = flag("add a learned number to every filter's result", default=True)
    weight_norm: bool = flag("learn a direction and a length for each channel of the input: w = v * g / |v|", default=False,
                             word="weight_norm")

    enlarges = True
    onnx_reads = ("ConvTranspose",)
    examples = (
        Example("deconv 4 2x2 /2", inputs=((3, 5, 4),), output=(4, 10, 8), parameters=52, macs=960),
        Example("deconv 4 3x3 /2 pad=1 output_pad=1 bias=no", inputs=((3, 3, 4),), output=(4, 6, 8), parameters=108, macs=1296),
        Example("deconv 6 3x2 groups=2 dilation=2", inputs=((4, 4, 3),), output=(6, 8, 5), parameters=78, macs=864),
        Example("deconv 4 3 /2 same", inputs=((2, 5),), output=(4, 10), parameters=28, macs=120),
        Example("deconv 2 3 /2 same_lower", inputs=((2, 5),), output=(2, 10), parameters=14, macs=60),
        Example("deconv 3 4 /3 groups=3", inputs=((3, 5),), output=(3, 16), parameters=15, macs=60),
        Example("deconv 4 3x3 /2 pad=1 weight_norm", inputs=((3, 3, 4),), output=(4, 5, 7), parameters=115, macs=1296),
        Example("deconv 4 2 /2 groups=2 bias=no weight_norm", inputs=((6, 5),), output=(4, 10), parameters=30, macs=120),
        Example("deconv 2 2 /2", inputs=((3, 2, 3, 2),), output=(2, 4, 6, 4), parameters=50, macs=576),
    )

    def _geometry(self, rank: int) -> tuple[Any, ...]:
        """window, stride, (before, after), output_pad, dilation."""
        window, stride, extra, dilation = (per_axis(n, getattr(self, n), rank)
                                           for n in ("window", "stride", "output_pad", "dilation"))
        if self.pad not in ("same", "same_upper", "same_lower"):
            return window, stride, pads(self.pad, window, dilation), extra, dilation
        over = [d * (k - 1) + 1 + e - s for k, s, e, d in zip(window, stride, extra, dilation)]
        return window, stride, tuple(halves(n, "same_lower" if self.pad == "same_lower" else "same_upper")
                                     for n in over), tuple(e + max(0, -n) for e, n in zip(extra, over)), dilation

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank = need_image("deconv", x.shape)
        window, stride, pad, extra, dilation = self._geometry(rank)
        c, g, f = x.channels, self.groups, self.filters
        if f % g or (c is not None and c % g):
            raise WordError("groups must divide the channels on both sides",
                            *(f"{n} / {g} = {n / g:g}" for n in (c, f) if n is not None),
                            label=f"groups={g}: {'?' if c is None else c} channels in, {f} out",
                            swap=((f"groups={g}", f"groups={gcd(c or f, f)}"),),
                            advice=f"groups={gcd(c or f, f)} would divide both", code="groups")
        for e, s, d in zip(per_axis("output_pad", self.output_pad, rank), stride, dilation):
            if e and e >= max(s, d):
                raise WordError(
                    "output_pad chooses between the sizes that a stride maps to one, so it is smaller than the stride",
                    label=f"output_pad {e}, stride {s}",
                                hint=f"output_pad={max(s, d) - 1}" if max(s, d) > 1 else "leave output_pad out", code="bad-value")
        out: list[Size] = []
        for w, k, s, (a, z), e, d in zip(x.spatial, window, stride, pad, extra, dilation):
            n = None if w is None else (w - 1) * s - a - z + d * (k - 1) + 1 + e
            if n is not None and n < 1:
                raise WordError("padding crops the whole result away",
                                f"out = (in - 1)*stride - 2*pad + window + output_pad = ({w} - 1)*{s} - {a + z} + {d * (k - 1) + 1} + {e} = {n}",
                                label=f"pad {a}, window {k}", swap=((f"pad={a}", "valid"),), code="window-too-large")
            out.append(n)
        return x.of(f, *out)

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        c = known_channels(x)
        window = per_axis("window", self.window, len(x.shape) - 1)
        taps = prod(window)
        weight = Parameter("weight", (c, self.filters // self.groups, *window), "weight", FITTING, fan_in=c // self.groups * taps,
                           fan_out=self.filters // self.groups * taps)
        bias = (Parameter("bias", (self.filters,), "bias", "zeros"),) if self.bias else ()
        return (*(in_parts(weight) if self.weight_norm else (weight,)), *bias)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        rank, (c, *_), g, f = len(t.shape) - 1, sizes(t), self.groups, self.filters
        _, stride, pad, _, dilation = self._geometry(rank)
        p, u, at = ",".join(names(OUT, rank)), ",".join(names(WINDOW, rank)), slide(stride, pad, dilation)
        out, w = sizes(self.shape(t)), weight_of(b, parameters)
        if g == 1:
            y = b(f"y[n,o,{at}] += x[n,c,{p}] * w[c,o,{u}]", x=x, w=w, out=out)
        elif f == c == g:
            y = b(f"y[n,c,{at}] += x[n,c,{p}] * w[c,0,{u}]", x=x, w=w, out=out)
        else:
            y = b(f"y[n,{f // g}*g+o,{at}] += x[n,{c // g}*g+c,{p}] * w[{c // g}*g+c,o,{u}]", x=x, w=w, out=out,
                  over={"g": g, "c": c // g})
        return b.map("y + bias", y=y, bias=parameters["bias"]) if self.bias else str(y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        window, stride, pad, extra, dilation = self._geometry(len(o.type(x).shape) - 1)
        return o("ConvTranspose", x, parameters["weight"], *([parameters["bias"]] if self.bias else []), group=self.groups,
                 output_padding=list(extra), **attributes(window, stride, pad, dilation))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """What is given as the size of the result, or as `auto_pad`, is left to the padding that it comes to."""
        w, bias, x, out = n.array(1), n.array(2), n.type(0), n.out
        if w is None or x is None or out is None or (bias is None and len(n.inputs) > 2 and n.inputs[2]):
            return None
        window, g, a = tuple(w.shape[2:]), n.attributes.get("group", 1), n.attributes
        stride, dilation, extra = (tuple(a.get(k) or (usual,) * len(window))
                                   for k, usual in (("strides", 1), ("dilations", 1), ("output_padding", 0)))
        flat = a.get("pads") or [0] * 2 * len(window)
        pad = tuple(zip(flat[:len(window)], flat[len(window):]))
        auto = str(a.get("auto_pad") or "NOTSET")
        if a.get("output_shape") or auto.startswith("SAME"):
            over = [s * (w - 1) + e + d * (k - 1) + 1 - (o or 0)
                    for w, o, s, e, d, k in zip(sizes(x)[1:], out.spatial, stride, extra, dilation, window)]
            halves = [(max(v, 0) // 2, max(v, 0) - max(v, 0) // 2) for v in over]
            pad = tuple(halves if auto == "SAME_UPPER" else [(z, a) for a, z in halves])
            extra = tuple(e + max(-v, 0) for e, v in zip(extra, over))
        layer = cls(filters=w.shape[1] * g, window=written(window), stride=fewest(stride), pad=shortest(pad, window, dilation, "valid"),
                    output_pad=fewest(extra), dilation=fewest(dilation), groups=g, bias=bias is not None)
        if layer.pad == "same":  # which here says something else
            layer = replace(layer, pad=fewest(tuple(a for a, _ in pad)))
        return Read(layer, (n.inputs[0],), {"weight": w} | ({} if bias is None else {"bias": bias}))
