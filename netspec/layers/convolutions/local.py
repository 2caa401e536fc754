"""Locally connected layer: a convolution whose filters are others at every place."""

from __future__ import annotations

from math import prod
from typing import Any

from ...ir.graph import Parameter
from ...ir.initialisers import FITTING
from ...ir.types import TensorType, shape_text
from ...words import WordError, count, flag, padding, size
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, known_sizes, names, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.lengths import in_parts, weight_of
from ..parts.onnx_windows import attributes, fields, written
from ..parts.windows import Windows, need_image, out_sizes, pads, per_axis, slide


class Local(Layer, category="convolution"):
    """Windows as a convolution has them, with weights and biases of their own at every place of the result. As Keras's
    LocallyConnected, and Caffe's Local; where a face has its eyes, other filters are wanted than at its mouth.

    A block cannot say it: a convolution shares its weights, and a fully connected layer reads everything.

    Shapes:  C x W... -> filters x P...,  P = floor((W - F + 2*pad) / stride) + 1,  F = dilation*(window-1) + 1
    Params:  weight [P..., filters, C, *window], bias [P..., filters]; with `weight_norm` weight_v of the weight's shape and
             weight_g [P..., filters] in its place
    Errors:  an input whose size is not known; a window larger than the padded input
    Paper:   LeCun, "Generalization and Network Design Strategies", 1989; Taigman et al., "DeepFace", 2014
    """

    takes = ("activation", "norm")

    filters: int = count("number of filters of a place, the channels of the result", position=0)
    window: Any = size("size of the window: 3 or 3x3", position=1)
    stride: Any = size("step of the window: /2", default=1)
    pad: Any = padding("zeros around the input: same = (F-1)//2 on both sides, valid = 0, same_upper and same_lower, numbers, or pairs")
    dilation: Any = size("distance between the taps of a window", default=1)
    bias: bool = flag("add a learned number to every filter's result at every place", default=True)
    weight_norm: bool = flag("learn a direction and a length for each filter of each place: w = v * g / |v|", default=False,
                             word="weight_norm")

    onnx_reads = ("Einsum", "Add")
    examples = (
        Example("local 4 3x3", inputs=((3, 4, 5),), output=(4, 4, 5), parameters=2240, macs=2160),
        Example("local 2 3x2 /2 valid bias=no", inputs=((2, 5, 6),), output=(2, 2, 3), parameters=144, macs=144),
        Example("local 3 3 /2 same_upper dilation=2", inputs=((2, 6),), output=(3, 3), parameters=63, macs=54),
        Example("local 3 2x2 valid weight_norm", inputs=((2, 3, 4),), output=(3, 2, 3), parameters=180, macs=144),
        Example("local 2 2 /2 pad=[(1, 0), (0, 0), (0, 1)]", inputs=((1, 3, 2, 3),), output=(2, 2, 1, 2), parameters=72, macs=64),
    )

    def geometry(self, x: TensorType) -> Windows:
        window, stride, dilation = (per_axis(n, getattr(self, n), len(x.spatial)) for n in ("window", "stride", "dilation"))
        return window, stride, pads(self.pad, window, dilation, stride, x.spatial), dilation

    def slides(self, x: TensorType) -> Windows:
        return self.geometry(x)

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        need_image("local", x.shape)
        if not x.known:
            raise WordError("every place has filters of its own, so the size of the input must be known",
                            label=f"the input is {shape_text(x.shape)}", hint="bind the size:  --input 3x224x224", code="unknown-size")
        window, stride, pad, dilation = self.geometry(x)
        return x.of(self.filters, *out_sizes(x.spatial, window, stride, pad, dilation))

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        (x,) = inputs
        c, *_ = known_sizes(x)
        places, (window, *_) = sizes(self.shape(x))[1:], self.geometry(x)
        weight = Parameter("weight", (*places, self.filters, c, *window), "weight", FITTING, fan_in=c * prod(window),
                           fan_out=self.filters * prod(window))
        bias = (Parameter("bias", (*places, self.filters), "bias", "zeros"),) if self.bias else ()
        return (*(in_parts(weight, len(places) + 1) if self.weight_norm else (weight,)), *bias)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        """What each place reads is gathered, and then as many fully connected layers as there are places are one with groups."""
        (x,) = inputs
        t = b.type(x)
        c, f, out, (window, stride, pad, dilation) = sizes(t)[0], self.filters, sizes(self.shape(t)), self.geometry(t)
        p, u, count, taps = names(OUT, len(window)), names(WINDOW, len(window)), prod(out[1:]), prod(window)
        over = {**dict(zip(p, out[1:])), **dict(zip(u, window))}
        seen = b(f"z[n,c,{_number(p, out[1:])},{_number(u, window)}] = x[n,c,{slide(stride, pad, dilation)}]", x=x, over=over,
                 out=(c, count, taps))
        each = b(f"z[n,{c * taps}*h+{taps}*c+w] = x[n,c,h,w]", x=seen, out=(count * c * taps,))
        for name, shape in (("weight", (count * f, c * taps)), ("weight_v", (count * f, c * taps)), ("weight_g", (count * f,))):
            if name in parameters:
                b.view(parameters[name], shape)
        y = b(f"y[n,{f}*g+o] += x[n,{c * taps}*g+k] * w[{f}*g+o,k]", x=each, out=(count * f,), over={"g": count, "o": f},
              w=weight_of(b, parameters))
        if self.bias:
            y = b.map("y + bias", y=y, bias=b.view(parameters["bias"], (count * f,)))
        place = plane(out)[1:].split(",")
        return str(b(f"z[n,c{plane(out)}] = y[n,{_number([*place, 'c'], (*out[1:], f))}]", y=y, out=out,
                     over=dict(zip(("c", *place), out))))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Convolutions with a single one gather what each place reads; a product for each place follows."""
        import numpy as np

        (x,) = inputs
        t = o.type(x)
        (c, *_), (window, stride, pad, dilation), rank = sizes(t), self.geometry(t), len(t.spatial)
        taps, places = prod(window), sizes(self.shape(t))[1:]
        ones = np.tile(np.eye(taps, dtype=np.float32), (c, 1)).reshape(c * taps, 1, *window)
        seen = o("Conv", x, o.numbers(ones), group=c, **attributes(window, stride, pad, dilation))
        w = o.shaped(parameters["weight"], (*places, self.filters, c * taps))
        y = o("Einsum", seen, w, equation=_equation(rank))
        if not self.bias:
            return y
        bias = np.moveaxis(o.array(parameters["bias"]), -1, 0)
        return o("Add", y, o.numbers(np.ascontiguousarray(bias)[None]))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """What `to_onnx` writes."""
        import numpy as np

        product, bias = (n.before(0), n.array(1)) if n.op == "Add" else (n, None)
        if product is None or product.op != "Einsum" or (n.op == "Add" and bias is None):
            return None
        seen, w, out = product.before(0), product.array(1), product.out
        x, ones = (seen.type(0), seen.array(1)) if seen is not None and seen.op == "Conv" else (None, None)
        if seen is None or x is None or ones is None or w is None or out is None or x.channels is None:
            return None
        c, window, places = x.channels, tuple(ones.shape[2:]), out.spatial
        gathers = np.tile(np.eye(prod(window)), (c, 1)).reshape(c * prod(window), 1, *window)
        if (product.attributes.get("equation", "").replace(" ", "") != _equation(len(window)) or w.shape[:len(places)] != places
                or ones.shape != gathers.shape or (ones != gathers).any() or seen.attributes.get("group", 1) != c
                or (bias is not None and bias.shape[-len(out.shape):] != out.shape)):
            return None
        layer = cls(filters=w.shape[-2], window=written(window), bias=bias is not None, **fields(seen, window, "same"))
        made = {"weight": w.reshape(*places, w.shape[-2], c, *window)}
        if bias is not None:
            made["bias"] = np.ascontiguousarray(np.moveaxis(bias.reshape(out.shape), 0, -1))
        return Read(layer, (seen.inputs[0],), made)


def _number(indices: list[str], extents: tuple[int, ...]) -> str:
    """The row-major number of a place: `5*p+q`."""
    out, step = [], 1
    for i, n in reversed(list(zip(indices, extents))):
        out.append(i if step == 1 else f"{step}*{i}")
        step *= n
    return "+".join(reversed(out))


def _equation(rank: int) -> str:
    p = OUT[:rank]
    return f"nk{p},{p}ok->no{p}"
