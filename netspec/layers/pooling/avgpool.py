"""Average-pooling."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from ...ir.types import TensorType
from ...words import flag, padding, size, word
from ...words.layer import OUT, SPACE, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts import adaptive
from ..parts.onnx_windows import attributes, fewest, fields, in_onnx, rounding
from ..parts.windows import Windows, need_image, out_sizes, per_axis, pool_pads, slide


class AvgPool(Layer, category="pooling"):
    """Mean of each window, as PyTorch's AvgPool: padding counts as zeros unless `count_pad=no`; what a window of `ceil` has
    beyond the padding never counts. Keras and ONNX leave the padding out: `count_pad=no`.

    `to=6x6` makes that of every image, as PyTorch's AdaptiveAvgPool: window p of P goes from floor(p*W/P) to ceil((p+1)*W/P).

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window; `to=` beside a window or a step
    Paper:   LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998; `global`: Lin et al., 2013
             (arXiv:1312.4400)
    """

    window: Any = size("size of the window", default=2, position=0)
    stride: Any = size("step of the window; the window's size unless given", default=None)
    pad: Any = padding("zeros around the input", default="valid")
    dilation: Any = size("distance between the taps of a window", default=1)
    rounding: str = word("how a size that does not divide is rounded", default="floor", words=("floor", "ceil"))
    whole: bool = flag("one window over the whole plane", default=False, word="global")
    to: Any = size("the size of the result, whose windows split an image of any size", default=None)
    count_pad: bool = flag("padding counts in the mean", default=True)

    onnx_reads: ClassVar[tuple[str, ...]] = ("GlobalAveragePool", "AveragePool", "Einsum", "Concat", "ReduceMean")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("avgpool", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("avgpool 3 /2 same", inputs=((2, 7, 6),), output=(2, 4, 3)),
        Example("avgpool 3 /2 pad=1 count_pad=no", inputs=((2, 7, 6),), output=(2, 4, 3)),
        Example("avgpool 3 /2 ceil pad=1", inputs=((2, 6, 8),), output=(2, 4, 5)),
        Example("avgpool 2 ceil count_pad=no", inputs=((2, 5),), output=(2, 3)),
        Example("avgpool 3 /2 pad=2 dilation=2 count_pad=no", inputs=((2, 8),), output=(2, 4)),
        Example("avgpool 2x1x2", inputs=((2, 4, 3, 4),), output=(2, 2, 3, 2)),
        Example("avgpool 3 /2 same_upper count_pad=no", inputs=((2, 6, 5),), output=(2, 3, 3)),
        Example("avgpool to=3x2", inputs=((2, 6, 5),), output=(2, 3, 2)),
        Example("avgpool to=4", inputs=((2, 6, 10),), output=(2, 4, 4)),
        Example("avgpool to=5", inputs=((2, 3),), output=(2, 5)),
        Example("avgpool to=2x1x3", inputs=((2, 3, 2, 3),), output=(2, 2, 1, 3)),
        Example("avgpool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rank = need_image(self.name, x.shape)
        if self.whole:
            return x.of(x.channels, *(1,) * rank)
        if self.to is not None:
            return x.of(x.channels, *adaptive.places(self.to, x))
        window, stride, pad, dilation = self.geometry(x)
        return x.of(x.channels, *out_sizes(x.spatial, window, stride, pad, dilation, self.rounding == "ceil"))

    @property
    def windowless(self) -> bool:
        """Whether the image itself says how large its windows are."""
        return self.whole or self.to is not None

    def check(self) -> None:
        adaptive.check(self)

    def geometry(self, x: TensorType) -> Windows:
        rank = len(x.spatial)
        window, dilation = per_axis("window", self.window, rank), per_axis("dilation", self.dilation, rank)
        stride = window if self.stride is None else per_axis("stride", self.stride, rank)
        return window, stride, pool_pads(self.name, self.pad, window, dilation, stride, x.spatial), dilation

    def slides(self, x: TensorType) -> Windows | None:
        return None if self.windowless or self.rounding == "ceil" else self.geometry(x)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        t = b.type(x)
        rank, space = len(t.shape) - 1, sizes(t)[1:]
        if self.whole:
            at = ",".join(names(SPACE, rank))
            return str(b(f"y[n,c,{','.join('0' * rank)}] += x[n,c,{at}] / {float(prod(space))!r}", x=x))
        how = self.geometry(t) if self.to is None else adaptive.alike(self.to, t)
        if how is None:
            return adaptive.split(b, x, self.to, largest=False)
        window, stride, pad, dilation = how
        if set(window) | set(stride) == {1}:
            return x
        p, out = names(OUT, rank), sizes(self.shape(t))
        divisors = [self._divisor(i, *g) for i, *g in zip(p, space, out[1:], window, stride, pad, dilation)]
        fixed = prod(d for d in divisors if isinstance(d, int))
        by = " * ".join((repr(float(fixed)), *(d for d in divisors if isinstance(d, str))))
        text = f"y[n,c,{','.join(p)}] += x[n,c,{slide(stride, pad, dilation)}] / " + (by if by == repr(float(fixed))
                                                                                      else f"({by})")
        return str(b(text, x=x, out=out, over=dict(zip(names(WINDOW, rank), window))))

    def _divisor(self, i: str, w: int, out: int, k: int, s: int, pad: tuple[int, int], d: int) -> int | str:
        """How many places of a window count along one axis: a number, or an expression of the output's index."""
        before, after = pad
        low, high = (-before, w + after) if self.count_pad else (0, w)
        counted = [sum(low <= p * s - before + d * u < high for u in range(k)) for p in range(out)]
        if len(set(counted)) == 1:
            return counted[0]
        if d == 1:
            return f"(min({s}*{i}{k - before:+d}, {high}) - max({s}*{i}{-before:+d}, {low}))"
        return "(" + "".join(f"where({i} == {p}, {n}.0, " for p, n in enumerate(counted[1:], 1)) + f"{counted[0]}.0" + ")" * out

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.whole:
            return o("GlobalAveragePool", x)
        if self.to is not None:
            return self._split(o, x)
        window, stride, pad, dilation = self.geometry(o.type(x))
        counted = self.count_pad and (any(map(any, pad)) or self.pad in ("same_upper", "same_lower"))
        return o("AveragePool", x, ceil_mode=int(self.rounding == "ceil"), count_include_pad=int(counted),
                 **in_onnx(o.type(x), self.pad, window, stride, pad, dilation))

    def _split(self, o: OnnxWriter, x: str) -> str:
        """Windows that are alike are a pool like others; others are a product with a matrix for each axis."""
        t = o.type(x)
        o.note = adaptive.note(self, t)
        to = adaptive.places(self.to, t)
        if set(to) == {1}:
            return o("GlobalAveragePool", x)
        if not t.known:
            return adaptive.cut(o, x, t, self.to, "ReduceMean")
        how = adaptive.alike(self.to, t)
        if how is not None:
            return o("AveragePool", x, ceil_mode=0, count_include_pad=0, **attributes(*how))
        every = [o.numbers(adaptive.matrix(w, p)) for w, p in zip(sizes(t)[1:], to)]
        return o("Einsum", x, *every, equation=adaptive.equation(len(to)))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        if n.op == "Einsum" or n.note.startswith(f"{cls.name} to="):
            reads = adaptive.uncut(n, "ReduceMean") or n
            to = adaptive.said(n, reads)
            return Read(cls(to=fewest(to)), (reads.inputs[0],)) if to else None
        if n.op in ("Concat", "ReduceMean"):
            return None
        if n.op.startswith("Global"):
            return Read(cls(whole=True), (n.inputs[0],))

        window = tuple(n.attributes["kernel_shape"])
        said = fields(n, window, "valid")
        said["stride"] = None if said["stride"] == fewest(window) else said["stride"]
        return Read(cls(window=fewest(window), rounding=rounding(n), count_pad=bool(n.attributes.get("count_include_pad")) or said["pad"] == "valid",
                        **said), (n.inputs[0],))
