"""Element-wise product, and maps that weigh channels."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words.layer import Builder, Example, Layer, plane
from ..parts.shapes import same_shapes


class Mul(Layer, category="merge"):
    """Product of its inputs. A value of one channel weighs all channels of the others: a map of attention over places (CBAM's).

    Shapes:  two or more of one shape, or with one channel -> that shape
    Errors:  shapes that differ
    Paper:   Woo et al., "CBAM: Convolutional Block Attention Module", 2018 (arXiv:1807.06521), for maps of one channel
    """

    symbol = "×"
    arity = (1, None)
    onnx = "Mul(x, y)"
    examples = (Example("mul @a", inputs=((3, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("mul @a", inputs=((1, 4, 5), (3, 4, 5)), output=(3, 4, 5)),
                Example("mul @a", inputs=((3, 5), (1, 5)), output=(3, 5)),
                Example("mul @a @b", inputs=((6,), (6,), (6,)), output=(6,)))

    def shape(self, *inputs: TensorType) -> TensorType:
        channels = next((t.channels for t in inputs if t.channels != 1), 1)
        return same_shapes("mul", tuple(t.of(channels, *t.spatial) if t.channels == 1 else t for t in inputs))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y = inputs[0]
        for x in inputs[1:]:
            y = _product(b, y, x)
        return y


def _product(b: Builder, x: str, y: str) -> str:
    if b.type(x).channels == b.type(y).channels:
        return b.map("a * b", a=x, b=y)
    s = plane(b.type(x).shape)
    one, other = ("0", "c") if b.type(x).channels == 1 else ("c", "0")
    return str(b(f"y[n,c{s}] = a[n,{one}{s}] * b[n,{other}{s}]", a=x, b=y))
