"""Max-pooling."""

from __future__ import annotations

from typing import Any, ClassVar

from ...ir.types import TensorType
from ...words import flag, padding, size, word
from ...words.layer import OUT, SPACE, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_windows import attributes, fewest, fields, rounding
from ..parts.windows import need_image, out_sizes, per_axis, pool_pads, slide


class MaxPool(Layer, category="pooling"):
    """Largest value of each window; the first of several equal ones takes the gradient. Padding never wins.

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window
    Paper:   Ranzato et al., "Unsupervised Learning of Invariant Feature Hierarchies", 2007
    """

    window: Any = size("size of the window", default=2, position=0)
    stride: Any = size("step of the window; the window's size unless given", default=None)
    pad: Any = padding("padding, which never wins", default="valid")
    dilation: Any = size("distance between the taps of a window", default=1)
    rounding: str = word("how a size that does not divide is rounded", default="floor", words=("floor", "ceil"))
    whole: bool = flag("one window over the whole plane", default=False, word="global")

    onnx_reads: ClassVar[tuple[str, ...]] = ("GlobalMaxPool", "MaxPool")
    examples: ClassVar[tuple[Example, ...]] = (
        Example("maxpool 2", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("maxpool 3 /2 same", inputs=((2, 7, 6),), output=(2, 4, 3)),
        Example("maxpool 3 /2 ceil", inputs=((2, 6, 6),), output=(2, 3, 3)),
        Example("maxpool 3 /2 pad=1", inputs=((2, 9),), output=(2, 5)),
        Example("maxpool 2x1x2", inputs=((2, 4, 3, 4),), output=(2, 2, 3, 2)),
        Example("maxpool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    def geometry(self, x: TensorType) -> tuple[Any, ...]:
        rank = need_image(self.name, x.shape)
        window, dilation = per_axis("window", self.window, rank), per_axis("dilation", self.dilation, rank)
        stride = window if self.stride is None else per_axis("stride", self.stride, rank)
        return window, stride, pool_pads(self.name, self.pad, window, dilation), dilation

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if self.whole:
            return x.of(x.channels, *(1,) * need_image(self.name, x.shape))
        window, stride, pad, dilation = self.geometry(x)
        return x.of(x.channels, *out_sizes(x.spatial, window, stride, pad, dilation, self.rounding == "ceil"))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
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

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
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
        return o("GlobalMaxPool", inputs[0]) if self.whole else o("MaxPool", inputs[0], **self.in_onnx(o.type(inputs[0])))

    def in_onnx(self, x: TensorType) -> dict[str, Any]:
        """ONNX's attributes."""
        return {"ceil_mode": int(self.rounding == "ceil")} | attributes(*self.geometry(x))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        return Read(cls.of_onnx(n), (n.inputs[0],))

    @classmethod
    def of_onnx(cls: Any, n: OnnxNode) -> MaxPool:
        """The pool that a node is, whatever it says of places."""
        said: dict[str, Any] = {"whole": True}
        if not n.op.startswith("Global"):
            window = tuple(n.attributes["kernel_shape"])
            said = {"window": fewest(window), "rounding": rounding(n)}
            said |= fields(n, window, "valid")
            said["stride"] = None if said["stride"] == said["window"] else said["stride"]
        made: MaxPool = cls(**said)
        return made
