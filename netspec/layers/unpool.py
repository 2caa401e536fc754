"""Max-unpooling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..ir.graph import Node
from ..ir.types import TensorType, shape_text
from ..words import WordError, ref
from .layer import Builder, Example, Layer, sizes
from .maxpool import MaxPool


class Unpool(Layer, category="pooling"):
    """Undoes a max-pooling: each number goes to the place its window's largest came from, and zeros to all others.

    As PyTorch's MaxUnpool. Where windows overlap and two have the same largest, the numbers add.

    Shapes:  C x P... (the pool's result) -> C x W... (the pool's input)
    Errors:  a reference that is no max-pooling; a flow of another shape than the pool's result
    Paper:   Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013 (arXiv:1311.2901)
    """

    pool: Any = ref("the max-pooling to undo", position=0)
    of: MaxPool | None = None  # that layer itself, known once the step is placed

    arity = (2, 2)
    binds = True
    examples = (
        Example("unpool @p", inputs=((2, 2, 2), (2, 4, 5)), output=(2, 4, 5), before=("p: @a -> maxpool 2",)),
        Example("unpool @p", inputs=((1, 1, 2, 1), (1, 2, 4, 3)), output=(1, 2, 4, 3), before=("p: @a -> maxpool 2",)),
        Example("unpool @p", inputs=((3, 4), (3, 7)), output=(3, 7), before=("p: @a -> maxpool 3 /2 same",)),
    )

    def bound(self, makers: tuple[Node, ...], values: tuple[str, ...]) -> tuple[Layer, tuple[str, ...]]:
        """Reads what the pool read; its indices are those the pool itself finds, and the same formula is computed once."""
        pool = makers[1]
        if not isinstance(pool.op, MaxPool):
            raise WordError("unpool puts numbers back where a max-pooling took them from", label=f"@{self.pool} is no maxpool", hint="unpool @maxpool1", code="wrong-argument")
        return replace(self, of=pool.op), (values[0], pool.inputs[0])  # type: ignore[type-var]

    def shape(self, *inputs: TensorType) -> TensorType:
        y, x = inputs
        assert self.of is not None, "an unpool that was not placed"
        want = self.of.shape(x)
        if len(y.shape) != len(want.shape) or any(a is not None and b is not None and a != b for a, b in zip(y.shape, want.shape)):
            raise WordError("unpool needs one number for each that the pooling gave", f"the pooling gave {shape_text(want.shape)}", f"the flow is {shape_text(y.shape)}",
                            label=f"{shape_text(y.shape)} for {shape_text(want.shape)}", code="shape-mismatch")
        return x

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y, x = inputs
        assert self.of is not None
        place = self.of.place(b, x)[1]
        b.save(place=place)
        return str(b(f"z[n,c,{self.of.at(b, x)}] += where(i[{self.of.target(b, x)}] == {self.of.number(b, x)}, y[{self.of.target(b, x)}], 0.0)",
                     i=place, y=y, out=sizes(b.type(x)), over=self.of.over(b, x)))

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str], **parameters: str) -> tuple[tuple[str | None, ...], dict[str, str]]:
        """The gradient of each number is that of its place; the pool's input only says where."""
        y, x = inputs
        assert self.of is not None
        target = self.of.target(b, x)
        d = b(f"d[{target}] += where(i[{target}] == {self.of.number(b, x)}, dz[n,c,{self.of.at(b, x)}], 0.0)",
              i=saved["place"], dz=dy, out=sizes(b.type(y)), over=self.of.over(b, x))
        return (d, None), {}
