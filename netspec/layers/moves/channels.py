"""A slice of the channels."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, value
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.onnx_slices import slices


class Channels(Layer, category="move"):
    """Some neighbouring channels: `channels 0..2` is the first three.

    Shapes:  C x W... -> (last - first + 1) x W...
    Errors:  channels that the input does not have
    """

    range: Any = value("first..last, both included, counted from 0; or one number", position=0)

    onnx_reads = ("Slice",)
    examples = (Example("channels 0..2", inputs=((5, 3, 2),), output=(3, 3, 2)),
                Example("channels 1..3", inputs=((4,),), output=(3,)), Example("channels 2", inputs=((3, 4),), output=(1, 4)))

    def __str__(self) -> str:
        first, last = self.ends
        return f"channels {first}..{last}" if last > first else f"channels {first}"

    @property
    def ends(self) -> tuple[int, int]:
        """The first and the last."""
        r = self.range
        numbers = (r,) if isinstance(r, int) and not isinstance(r,
                                                                bool) else tuple(r) if isinstance(r, (tuple, list, range)) else ()
        whole = all(isinstance(k, int) for k in numbers)
        if not numbers or not whole or numbers[0] < 0 or numbers != tuple(range(numbers[0], numbers[0] + len(numbers))):
            raise WordError("channels takes neighbouring channels", label=f"{r}", hint="channels 0..2", code="bad-value")
        return numbers[0], numbers[-1]

    def check(self) -> None:
        _ = self.ends

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        first, last = self.ends
        if x.channels is not None and last >= x.channels:
            first, last_there = min(first, x.channels - 1), x.channels - 1
            raise WordError(f"the input has the channels 0..{last_there}", label=f"channel {last} of {shape_text(x.shape)}",
                            hint=f"channels {first}" + (f"..{last_there}" if last_there > first else ""), code="bad-value")
        return x.of(last - first + 1, *x.spatial)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        first, _ = self.ends
        out = self.shape(b.type(x))
        if out == b.type(x):
            return x
        s = plane(out.shape)
        return str(b(f"y[n,c{s}] = x[n,c+{first}{s}]", x=x, out=sizes(out)))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        first, last = self.ends
        starts, ends, axes = (o.numbers([v], whole=True) for v in (first, last + 1, 1))
        return o("Slice", inputs[0], starts, ends, axes)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        cut = slices(n)
        if cut is None or set(cut) - {1} or 1 not in cut:
            return None
        first, last = cut[1]
        return Read(cls(range=(*range(first, last),) if last - first > 1 else first), (n.inputs[0],))
