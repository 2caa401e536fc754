"""Max-pooling."""

from __future__ import annotations

from typing import Any, ClassVar

from ...ir.types import TensorType
from ...words import flag, padding, size, word
from ...words.layer import OUT, SPACE, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts import adaptive
from ..parts.onnx_windows import fewest, fields, in_onnx, rounding
from ..parts.windows import Windows, need_image, out_sizes, per_axis, pool_pads, slide


class MaxPool(Layer, category="pooling"):
    """Largest value of each window; the first of several equal ones takes the gradient. Padding never wins.

    `to=6x6` makes that of every image, as PyTorch's AdaptiveMaxPool: window p of P goes from floor(p*W/P) to ceil((p+1)*W/P).

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window; `to=` beside a window or a step
    Paper:   Ranzato et al., "Unsupervised Learning of Invariant Feature Hierarchies", 2007
    """

    window: Any = size("size of the window", default=2, position=0)
    stride: Any = size("step of the window; the window's size unless given", default=None)
    pad: Any = padding("padding, which never wins", default="valid")
    dilation: Any = size("distance between the taps of a window", default=1)
    rounding: str = word("how a size that does not divide is rounded", default="floor", words=("floor", "ceil"))
    whole: bool = flag("one window over the whole plane", default=False, word="global")
    to: Any = size("the size of the result, whose windows split an image of any size", default=None)

    onnx_reads: ClassVar[tuple[str, ...]] = ("GlobalMaxPool", "MaxPool", "Concat", "ReduceMax")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("maxpool 2", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("maxpool 3 /2 same", inputs=((2, 7, 6),), output=(2, 4, 3)),
        Example("maxpool 3 /2 ceil", inputs=((2, 6, 6),), output=(2, 3, 3)),
        Example("maxpool 3 /2 pad=1", inputs=((2, 9),), output=(2, 5)),
        Example("maxpool 2x1x2", inputs=((2, 4, 3, 4),), output=(2, 2, 3, 2)),
        Example("maxpool 3 /2 same_upper", inputs=((2, 6, 5),), output=(2, 3, 3)),
        Example("maxpool to=3x2", inputs=((2, 6, 5),), output=(2, 3, 2)),
        Example("maxpool to=4", inputs=((2, 6, 10),), output=(2, 4, 4)),
        Example("maxpool to=5", inputs=((2, 3),), output=(2, 5)),
        Example("maxpool to=2x1x3", inputs=((2, 3, 2, 3),), output=(2, 2, 1, 3)),
        Example("maxpool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    @property
    def windowless(self) -> bool:
        """Whether the image itself says how large its windows are."""
        return self.whole or self.to is not None

    def check(self) -> None:
        adaptive.check(self)

    def uneven(self, x: TensorType) -> bool:
        """Whether its windows are not those of a pool with one size and one step."""
        return self.to is not None and adaptive.alike(self.to, x) is None

    def geometry(self, x: TensorType) -> Windows:
        rank = need_image(self.name, x.shape)
        if self.to is not None:
            how = adaptive.alike(self.to, x)
            assert how is not None, "windows that are not alike"
            return how
        window, dilation = per_axis("window", self.window, rank), per_axis("dilation", self.dilation, rank)
        stride = window if self.stride is None else per_axis("stride", self.stride, rank)
        return window, stride, pool_pads(self.name, self.pad, window, dilation, stride, x.spatial), dilation

    def slides(self, x: TensorType) -> Windows | None:
        return None if self.windowless or self.rounding == "ceil" else self.geometry(x)

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if self.whole:
            return x.of(x.channels, *(1,) * need_image(self.name, x.shape))
        if self.to is not None:
            need_image(self.name, x.shape)
            return x.of(x.channels, *adaptive.places(self.to, x))
        window, stride, pad, dilation = self.geometry(x)
        return x.of(x.channels, *out_sizes(x.spatial, window, stride, pad, dilation, self.rounding == "ceil"))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        if self.uneven(b.type(inputs[0])):
            x = b.map("-x", x=inputs[0]) if self.sign() else inputs[0]
            return self.result(b, adaptive.split(b, x, self.to, largest=True))
        y, place = self.place(b, inputs[0])
        b.save(place=place)
        return self.result(b, y)

    def place(self, b: Builder, x: str) -> tuple[str, str]:
        """The largest of each window, and the number of its place in the window."""
        y, i = b(f"y[{self.target(b, x)}], i[{self.target(b, x)}] max= {self.sign()}x[n,c,{self.at(b, x)}]",
                 x=x, out=sizes(self.shape(b.type(x))), over=self.over(b, x))
        return y, i

    def sign(self) -> str:
        return ""

    def result(self, b: Builder, y: str) -> str:
        return y

    @property
    def backward(self) -> Any:
        """That of windows which split an image follows from their formulas, as there may be several."""
        return self.routed if self.to is None else None

    def routed(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The gradient goes to the place that won."""
        (x,) = inputs
        target = self.target(b, x)
        dx = b(f"dx[n,c,{self.at(b, x)}] += where(i[{target}] == {self.number(b, x)}, dy[{target}], 0.0)", i=saved["place"],
               dy=dy, out=sizes(b.type(x)), over=self.over(b, x))
        return (dx,), {}

    def target(self, b: Builder, x: str) -> str:
        """The subscripts of the result."""
        rank = len(b.type(x).shape) - 1
        return "n,c," + ",".join("0" * rank if self.whole else names(OUT, rank))

    def at(self, b: Builder, x: str) -> str:
        """The spatial subscripts of the input."""
        t = b.type(x)
        if self.whole:
            return ",".join(names(SPACE, len(t.shape) - 1))
        _, stride, pad, dilation = self.geometry(t)
        return slide(stride, pad, dilation)

    def over(self, b: Builder, x: str) -> dict[str, int]:
        """The places of a window and how many there are."""
        t = b.type(x)
        if self.whole:
            return dict(zip(names(SPACE, len(t.shape) - 1), sizes(t)[1:]))
        return dict(zip(names(WINDOW, len(t.shape) - 1), self.geometry(t)[0]))

    def number(self, b: Builder, x: str) -> str:
        """The number of a place in its window, row by row."""
        out = "0"
        for u, k in self.over(b, x).items():
            out = u if out == "0" else f"({out})*{k}+{u}"
        return out

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        o.note = "" if self.to is None else adaptive.note(self, o.type(inputs[0]))
        return self.most(o, inputs[0], o.type(inputs[0]))

    def most(self, o: OnnxWriter, x: str, t: TensorType) -> str:
        """The operator that takes the largest of each window."""
        if self.whole or adaptive.one(self.to):
            return o("GlobalMaxPool", x)
        if self.to is not None and (not t.known or self.uneven(t)):
            return adaptive.cut(o, x, t, self.to, "ReduceMax")
        return o("MaxPool", x, **self.in_onnx(t))

    def in_onnx(self, x: TensorType) -> dict[str, Any]:
        """ONNX's attributes."""
        return {"ceil_mode": int(self.rounding == "ceil")} | in_onnx(x, self.pad, *self.geometry(x))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        reads = adaptive.uncut(n, "ReduceMax") if n.op in ("Concat", "ReduceMax") and n.note.startswith(f"{cls.name} to=") else None
        if reads is not None:
            return Read(cls(to=fewest(adaptive.said(n, reads))), reads.inputs[:1])
        return None if n.op in ("Concat", "ReduceMax") else Read(cls.of_onnx(n), (n.inputs[0],))

    @classmethod
    def of_onnx(cls: Any, n: OnnxNode) -> MaxPool:
        """The pool that a node is, whatever it says of places."""
        said: dict[str, Any] = {"whole": True}
        if n.note.startswith(f"{cls.name} to="):
            said = {"to": fewest(adaptive.said(n))}
        elif not n.op.startswith("Global"):
            window = tuple(n.attributes["kernel_shape"])
            said = {"window": fewest(window), "rounding": rounding(n)}
            said |= fields(n, window, "valid")
            said["stride"] = None if said["stride"] == said["window"] else said["stride"]
        made: MaxPool = cls(**said)
        return made
