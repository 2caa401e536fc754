"""Padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, count, number, padding, ref, word
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.edges import check_edges, pad_edges
from ..parts.onnx_edges import amounts_of, edges_to, onnx_edges
from ..parts.onnx_windows import fewest_pads
from ..parts.windows import Pads, pads


class Pad(Layer, category="move"):
    """Numbers around an image: `value` (zero unless given), a mirror image (`reflect`, which does not repeat the edge), the
    edge itself (`replicate`), or the opposite side (`circular`). `pad @ref` makes the flow as high and wide as another value,
    which lies around its middle (one more at the end where the difference is odd). `pad channels=n` adds n channels of
    zeros at the end (ResNet's shortcut A).

    Shapes:  C x W... -> (C + channels) x (W + before + after)..., or (C + channels) x the reference's W...
    Errors:  no height or width to put numbers around; a mirror image wider than what it mirrors; a circle that goes round more
             than once; a reference that is smaller
    """

    amount: Any = padding("how much: a number, one an axis, or (before, after) pairs", default=0, words=(), position=0)
    reference: Any = ref("the value whose height and width it takes", default=None, position=1)
    mode: str = word("what stands there", default="constant", words=("constant", "reflect", "replicate", "circular"))
    value: float = number("the number there", default=0.0)
    channels: int = count("channels of zeros after the last", default=0, least=0)

    refers = "size"
    arity = (1, 2)
    onnx_reads = ("Pad",)
    examples = (
        Example("pad 2", inputs=((2, 3, 4),), output=(2, 7, 8)),
        Example("pad [(1, 2), (0, 3)] value=1.5", inputs=((2, 3, 4),), output=(2, 6, 7)),
        Example("pad 2 reflect", inputs=((2, 3, 4),), output=(2, 7, 8)),
        Example("pad [(3, 1)] replicate", inputs=((2, 4),), output=(2, 8)),
        Example("pad [(3, 1), (0, 2)] circular", inputs=((2, 3, 4),), output=(2, 7, 6)),
        Example("pad channels=3", inputs=((2, 3, 4),), output=(5, 3, 4)),
        Example("pad 1 reflect", inputs=((1, 2, 3, 2),), output=(1, 4, 5, 4)),
        Example("pad @a", inputs=((2, 2, 4), (1, 3, 6)), output=(2, 3, 6)),
        Example("pad @a replicate", inputs=((2, 3), (1, 6)), output=(2, 6)),
    )

    def puts_around(self, rank: int) -> Sequence[tuple[int, int]]:
        return pads(self.amount, (1,) * rank, (1,) * rank) if self.reference is None else super().puts_around(rank)

    def shape(self, *inputs: TensorType) -> TensorType:
        x = inputs[0]
        around = self._pads(*inputs)
        check_edges("pad", x, around, self.mode)
        c = None if x.channels is None else x.channels + self.channels
        if len(inputs) > 1:
            return x.of(c, *inputs[1].spatial)
        return x.of(c, *(None if w is None else w + a + z for w, (a, z) in zip(x.spatial, around)))

    def _pads(self, x: TensorType, *reference: TensorType) -> Pads:
        rank = len(x.shape) - 1
        if not rank and (reference or self.amount or not self.channels):
            raise WordError("pad puts numbers around an image, and this has no height or width",
                            label=f"the input is {shape_text(x.shape)}", hint="pad channels=1", code="wrong-rank")
        if not reference:
            return pads(self.amount, (1,) * rank, (1,) * rank)
        (like,) = reference
        if self.amount:
            raise WordError("pad takes a value to be as large as, or how much to add, not both",
                            label=f"@{self.reference} and {self.amount}", code="wrong-argument")
        both = f"flow: {shape_text(x.shape)}", f"reference: {shape_text(like.shape)}"
        if len(like.shape) != len(x.shape):
            raise WordError("pad takes the height and width of another image, so both need the same number of axes", *both,
                            label=f"{shape_text(x.shape)} to {shape_text(like.shape)}", code="wrong-rank")
        more = [0 if want is None or have is None else want - have for want, have in zip(like.spatial, x.spatial)]
        if min(more) < 0:
            raise WordError("the referenced value is smaller than what is padded to it", *both,
                            label=f"{shape_text(x.shape)} to {shape_text(like.shape)}",
                            hint=f"crop [{', '.join(f'({max(-n, 0) // 2}, {max(-n, 0) - max(-n, 0) // 2})' for n in more)}] trims the flow", code="shape-mismatch")
        return tuple((n // 2, n - n // 2) for n in more)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        x, types = inputs[0], [b.type(i) for i in inputs]
        t, around, out = types[0], self._pads(*types), sizes(self.shape(*types))
        if self.mode != "constant":
            x, around = pad_edges(b, x, around, self.mode), ((0, 0),) * len(around)
        if any(map(any, around)) or self.channels:
            s = plane(out)
            at = "".join(f",{i}-{a}" if a else f",{i}+0" if z else f",{i}" for i, (a, z) in zip(s[1:].split(","), around))
            x = str(b(f"y[n,c{'+0' if self.channels else ''}{s}] = x[n,c{at}]", x=x, out=out))
        if self.value:
            text = "0.0"
            for i, (a, _), w in zip(plane(out)[1:].split(","), around, sizes(t)[1:]):
                text = f"where({i} < {a}, {float(self.value)!r}, where({i} >= {a + w}, {float(self.value)!r}, {text}))"
            s = plane(out)
            x = str(b(f"z[n,c{s}] = y[n,c{s}] + {text}", y=x))
        return x

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        types = [o.type(i) for i in inputs]
        if len(inputs) > 1 and not all(t.known for t in types):
            return edges_to(o, inputs[0], inputs[1], self.mode, self.value, self.channels)
        return onnx_edges(o, inputs[0], self._pads(*types), self.mode, self.value, self.channels)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        found = amounts_of(n)
        if found is None:
            return None
        around, channels, mode, value = found
        like = n.origins(1)
        if len(like) == 1 and all(z - a in (0, 1) for a, z in around):
            return Read(cls(reference="like", mode=mode, value=value, channels=channels), (n.inputs[0], like[0]))
        return Read(cls(amount=fewest_pads(around) if around else 0, mode=mode, value=value, channels=channels), (n.inputs[0],))
