"""Axes in another order."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import WordError, size
from ...words.layer import Builder, Example, Layer, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read


class Permute(Layer, category="move"):
    """The same numbers with the axes in another order, counted from 0: `permute 1x2x0` makes height, width, channels of
    channels, height, width. What stands first is the channels of what follows, so this is for what reads numbers in another
    order: `permute 1x2x0 -> flatten` is the order in which systems that have channels last flatten.

    Shapes:  C x W... -> the axes as given
    Errors:  an order that is none of the input's axes
    """

    order: Any = size("the axis of the input that each axis of the result is: 1x2x0", position=0, least=0)

    onnx_reads = ("Transpose",)
    examples = (
        Example("permute 1x2x0", inputs=((3, 2, 4),), output=(2, 4, 3)),
        Example("permute 2x0x1", inputs=((3, 2, 4),), output=(4, 3, 2)),
        Example("permute 0x2x1", inputs=((3, 2, 4),), output=(3, 4, 2)),
        Example("permute 1x0", inputs=((3, 5),), output=(5, 3)),
        Example("permute 1x2x3x0", inputs=((2, 3, 1, 4),), output=(3, 1, 4, 2)),
    )

    @property
    def axes(self) -> tuple[int, ...]:
        return (self.order,) if isinstance(self.order, int) else tuple(self.order)

    def check(self) -> None:
        if sorted(self.axes) != list(range(len(self.axes))):
            raise WordError("permute names every axis once, counted from 0", label=shape_text(self.axes),
                            hint="permute 1x2x0", code="bad-value")

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if len(self.axes) != len(x.shape):
            turned = "x".join(map(str, (*range(1, len(x.shape)), 0)))
            raise WordError(f"permute has {len(self.axes)} axes, and the input has {len(x.shape)}",
                            label=f"the input is {shape_text(x.shape)}", hint=f"permute {turned}" if len(x.shape) > 1 else "flatten",
                            code="wrong-rank")
        return x.of(*(x.shape[k] for k in self.axes))

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.axes == tuple(sorted(self.axes)):
            return x
        read = f"c{plane(b.type(x).shape)}".split(",")
        return str(b(f"y[n,{','.join(read[k] for k in self.axes)}] = x[n,{','.join(read)}]", x=x))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        return o("Transpose", inputs[0], perm=[0, *(k + 1 for k in self.axes)])

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        first, *order = n.attributes.get("perm") or (1,)
        return None if first else Read(cls(order=tuple(k - 1 for k in order)), (n.inputs[0],))
