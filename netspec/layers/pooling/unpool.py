"""Max-unpooling."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from ...ir.graph import Node
from ...ir.types import TensorType, shape_text
from ...words import WordError, ref
from ...words.layer import OUT, WINDOW, Builder, Example, Layer, names, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read, Unsaid
from .maxpool import MaxPool


class Unpool(Layer, category="pooling"):
    """Undoes a max-pooling: each number goes to the place its window's largest came from, and zeros to all others.

    As PyTorch's MaxUnpool. Where windows overlap and several have the same largest, the number of the last of them (row by
    row) stays, and it alone has a gradient. (PyTorch hands the place's gradient to all of them, which is not the
    derivative of what it computes.)

    Shapes:  C x P... (the pool's result) -> C x W... (the pool's input)
    Errors:  a reference that is no max-pooling, or splits unevenly; a flow of another shape than the pool's result
    Paper:   Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013 (arXiv:1311.2901)
    """

    pool: Any = ref("the max-pooling to undo", position=0)
    of: MaxPool | None = None  # that layer itself, known once the step is placed

    enlarges = True
    refers = "places"
    arity = (2, 2)
    binds = True
    onnx_reads = ("MaxUnpool",)
    examples = (
        Example("unpool @p", inputs=((2, 2, 2), (2, 4, 5)), output=(2, 4, 5), before=("p: @a -> maxpool 2",)),
        Example("unpool @p", inputs=((1, 1, 2, 1), (1, 2, 4, 3)), output=(1, 2, 4, 3), before=("p: @a -> maxpool 2",)),
        Example("unpool @p", inputs=((3, 4), (3, 7)), output=(3, 7), before=("p: @a -> maxpool 3 /2 same",)),
        Example("unpool @p", inputs=((2, 4, 3), (2, 6, 5)), output=(2, 6, 5), before=("p: @a -> maxpool 3 /1 valid",)),
        Example("unpool @p", inputs=((1, 4, 2), (1, 7, 6)), output=(1, 7, 6),
                before=("p: @a -> maxpool 3x2 /2 pad=[(2, 0), (0, 0)] dilation=1x2",)),
    )

    def bound(self, makers: tuple[Node, ...], values: tuple[str, ...]) -> tuple[Layer, tuple[str, ...]]:
        """Reads what the pool read; its indices are those the pool itself finds, and the same formula is computed once."""
        pool = makers[1]
        if not isinstance(pool.op, MaxPool):
            raise WordError("unpool puts numbers back where a max-pooling took them from", label=f"@{self.pool} is no maxpool",
                            advice="it names a maxpool above:  unpool @maxpool1", code="wrong-argument")
        return replace(self, of=pool.op), (values[0], pool.inputs[0])  # type: ignore[type-var]

    def shape(self, *inputs: TensorType) -> TensorType:
        y, x = inputs
        assert self.of is not None, "an unpool that was not placed"
        if x.known and self.of.uneven(x):
            raise WordError(f"the windows of {self.of} are not all of one size here, and only those of one size are undone",
                            f"it splits {shape_text(x.shape)}", label=f"@{self.pool} splits unevenly",
                            advice="sizes that divide the image's", code="wrong-argument")
        want = self.of.shape(x)
        if len(y.shape) != len(want.shape) or any(a is not None and b is not None and a != b
                                                  for a, b in zip(y.shape, want.shape)):
            raise WordError("unpool needs one number for each that the pooling gave",
                            f"the pooling gave {shape_text(want.shape)}", f"the flow is {shape_text(y.shape)}",
                            label=f"{shape_text(y.shape)} for {shape_text(want.shape)}", code="shape-mismatch")
        return x

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        y, x = inputs
        assert self.of is not None
        place = self.of.place(b, x)[1]
        kept = self._kept(b, x, place)
        b.save(place=place, **kept)
        return str(b(f"z[n,c,{self.of.at(b, x)}] += {self._where(b, x, 'y', bool(kept))}", i=place, y=y, **kept,
                     out=sizes(b.type(x)), over=self.of.over(b, x)))

    def backward(self, b: Builder, dy: str, *inputs: str, saved: dict[str, str],
                 **parameters: str) -> tuple[tuple[str | None, ...], dict[str, str]]:
        """The gradient of each number is that of its place; the pool's input only says where."""
        y, x = inputs
        assert self.of is not None
        target = self.of.target(b, x)
        kept: dict[str, Any] = {k: v for k, v in saved.items() if k == "beaten"}
        d = b(f"d[{target}] += {self._where(b, x, 'dz', bool(kept))}", i=saved["place"], dz=dy, **kept, out=sizes(b.type(y)),
              over=self.of.over(b, x))
        return (d, None), {}

    def _where(self, b: Builder, x: str, value: str, overlapping: bool) -> str:
        """A number at the place of a window that it belongs to, 0 at the others."""
        assert self.of is not None
        target = self.of.target(b, x)
        read = f"dz[n,c,{self.of.at(b, x)}]" if value == "dz" else f"{value}[{target}]"
        only = f"where(beaten[{target}] > 0.0, 0.0, {read})" if overlapping else read
        return f"where(i[{target}] == {self.of.number(b, x)}, {only}, 0.0)"

    def _kept(self, b: Builder, x: str, place: str) -> dict[str, Any]:
        """Where windows overlap, how many later ones have their largest at the same place; nothing where they do not."""
        assert self.of is not None
        t = b.type(x)
        if self.of.whole:
            return {}
        window, stride, _, dilation = self.of.geometry(t)
        reach = [(d * (k - 1)) // s for k, s, d in zip(window, stride, dilation)]  # windows after one that overlap it
        if not any(reach):
            return {}
        p, u, target = names(OUT, len(reach)), names(WINDOW, len(reach)), self.of.target(b, x)
        left, spot, order = f"i[{target}]", "0", "0"
        for k, (size, step, gap) in enumerate(zip(window, stride, dilation)):
            under, apart = float(prod(window[k + 1:])), 2 * (gap * (size - 1) + 1)
            tap = left if under == 1 else f"floor({left} / {under!r})"
            left = f"({left} - {under!r} * {tap})"
            # counted in a circle, which windows that overlap are too near to notice, so that float32 holds it
            at = f"({step}*{p[k]} + {gap} * {tap})"
            spot = f"({spot}) * {apart} + {at} - {apart} * floor({at} / {float(apart)!r})"
            order = f"({order}) * {2 * reach[k] + 1} + {u[k]} - {reach[k]}" if reach[k] else order
        spots = b(f"spot[{target}] = {spot}", i=place)
        later = ",".join(f"{i}+{j}-{r}" if r else i for i, j, r in zip(p, u, reach))
        return {
            "beaten": str(b(f"beaten[{target}] += where(spot[n,c,{later}] == spot[{target}], where({order} > 0, 1.0, 0.0), 0.0)",
                            spot=spots,
                                out=sizes(self.of.shape(t)), over={j: 2 * r + 1 for j, r in zip(u, reach) if r}))}

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        y, x = inputs
        assert self.of is not None
        if self.of.whole or self._overlaps(o.type(x)):
            raise Unsaid("only the undoing of pools whose windows do not overlap, nor are global, has an operator")
        said = self.of.in_onnx(o.type(x))
        _, places = o.several("MaxPool", 2, x, **said)
        said = {k: v for k, v in said.items() if k in ("kernel_shape", "strides", "pads")}
        return o("MaxUnpool", y, places, o("Shape", x), **said)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        pool = n.source(1)
        found = None if pool is None or pool.op != "MaxPool" else MaxPool.of_onnx(pool)
        return None if found is None or pool is None else Read(cls(pool="pool", of=found), (n.inputs[0], pool.inputs[0]))

    def _overlaps(self, x: TensorType) -> bool:
        assert self.of is not None
        window, stride, _, dilation = self.of.geometry(x)
        return any(d * (k - 1) >= s for k, s, d in zip(window, stride, dilation))
