"""Concatenation along channels."""

from __future__ import annotations

from ...ir.types import TensorType, shape_text
from ...words import WordError
from ...words.layer import Builder, Example, Layer, plane, sizes


class Concat(Layer, category="merge"):
    """Channels of its inputs side by side, in order.

    Shapes:  C1 x W..., C2 x W..., ... -> (C1 + C2 + ...) x W...
    Errors:  heights or widths that differ
    Paper:   Szegedy et al., "Going Deeper with Convolutions", 2014 (arXiv:1409.4842)
    """

    arity = (1, None)
    gathers = in_order = True
    onnx = "Concat(*x, axis=1)"
    examples = (
        Example("concat @a", inputs=((3, 4, 5), (2, 4, 5)), output=(5, 4, 5)),
        Example("concat @a @b", inputs=((16, 3), (1, 3), (5, 3)), output=(22, 3)),
        Example("concat @a", inputs=((3,), (4,)), output=(7,)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        first = inputs[0]
        for other in inputs[1:]:
            differ = len(other.shape) != len(first.shape) or any(a is not None and b is not None and a != b
                                                                 for a, b in zip(first.spatial, other.spatial))
            if differ:
                raise WordError("concat joins channels, so heights and widths must agree",
                                *(f"input {k}: {shape_text(t.shape)}" for k, t in enumerate(inputs, 1)),
                                label=f"{shape_text(first.shape)} with {shape_text(other.shape)}", code="shape-mismatch")
        channels = [t.channels for t in inputs]
        return first.of(None if None in channels else sum(c or 0 for c in channels), *first.spatial)

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        if len(inputs) == 1:
            return inputs[0]
        types = [b.type(x) for x in inputs]
        total = sum(sizes(t)[0] for t in types)
        place = plane(types[0].shape)
        texts, at = [], 0
        for k, t in enumerate(types):
            texts.append(f"y[n,c+{at}{place}] = x{k}[n,c{place}]")
            at += sizes(t)[0]
        return b.pieces(*texts, out=(total, *sizes(types[0])[1:]), **{f"x{k}": x for k, x in enumerate(inputs)})
