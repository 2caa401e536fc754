"""Min-pooling."""

from __future__ import annotations

from typing import Any

from ...words.layer import Builder, Example
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts import adaptive
from ..parts.onnx_windows import fewest
from .maxpool import MaxPool


class MinPool(MaxPool, category="pooling"):
    """Smallest value of each window; the first of several equal ones takes the gradient. Padding never wins.

    Shapes:  C x W... -> C x P...,  P = floor((W - F + 2*pad) / stride) + 1 (`ceil` rounds up); `global`: C x 1...
    Errors:  a window larger than the padded input; padding that could fill a window
    """

    onnx_reads = ("Neg",)
    examples = (
        Example("minpool", inputs=((3, 6, 4),), output=(3, 3, 2)),
        Example("minpool 3 /2 same", inputs=((2, 9),), output=(2, 5)),
        Example("minpool to=2x3", inputs=((2, 5, 6),), output=(2, 2, 3)),
        Example("minpool global", inputs=((3, 4, 5),), output=(3, 1, 1)),
    )

    def sign(self) -> str:
        return "-"

    def result(self, b: Builder, y: str) -> str:
        return b.map("-y", y=y)

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        o.note = "" if self.to is None else adaptive.note(self, o.type(inputs[0]))
        return o("Neg", self.most(o, o("Neg", inputs[0]), o.type(inputs[0])))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        """The largest of the negated, negated."""
        pool = n.before(0)
        if pool is not None and n.note.startswith(f"{cls.name} to="):
            reads = adaptive.uncut(pool, "ReduceMax") or pool
            negated, to = reads.source(0), adaptive.said(n, reads)
            return Read(cls(to=fewest(to)), negated.inputs[:1]) if negated is not None and negated.op == "Neg" and to else None
        turned = pool.before(0) if pool is not None and pool.op in ("MaxPool", "GlobalMaxPool") else None
        if pool is None or turned is None or turned.op != "Neg":
            return None
        return Read(cls.of_onnx(pool), (turned.inputs[0],))
