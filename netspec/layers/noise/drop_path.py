"""Stochastic depth."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import rate
from ...words.layer import Builder, Example, Layer, plane
from ...words.onnx import OnnxNode, OnnxWriter, Read

NOTE = "path"  # what tells it from dropout in a file


class DropPath(Layer, category="noise", name="drop_path"):
    """All numbers of an example are zeroed together with probability `rate` in training, and those of the other examples divided
    by 1 - rate; evaluation changes nothing. As the last step of a residual's body it leaves out the body:
    y = x + keep * f(x) / (1 - rate), keep 0 or 1 for each example, which is a network of another depth for each.

    What is drawn is a function of the seed, the step, the layer and the number of the example: the same on every backend, on
    any number of threads, and however a batch is cut. It is torchvision.ops.StochasticDepth(rate, "row"), timm's DropPath(rate).

    Shapes:  any -> the same
    Paper:   Huang et al., "Deep Networks with Stochastic Depth", 2016 (arXiv:1603.09382); divided in training, as Larsson et al.,
             2016 (arXiv:1605.07648), and those after them
    """

    rate: float = rate("probability of dropping an example", position=0)

    onnx_reads = ("Dropout",)
    examples = (
        Example("drop_path 0.2", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("drop_path 0.5", inputs=((6,),), output=(6,)),
        Example("drop_path 0", inputs=((2, 3),), output=(2, 3)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.rate == 0 or not b.training:
            return x
        t = b.type(x)
        drawn = f"random(key[0], {b.key() << 40}+n, first[0], {t.batch})"
        kept = b(f"kept[n,c] = where({drawn} < {self.rate!r}, 0.0, {1 / (1 - self.rate)!r})", out=(1,), batch=t.batch,
                 key=b.scalar("random_key"), first=b.scalar("random_first"))
        s = plane(t.shape)
        return str(b(f"y[n,c{s}] = x[n,c{s}] * kept[n,0]", x=x, kept=kept))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Dropout, which changes nothing when predicting; that it drops examples is a note, as only training needs it."""
        o.note = NOTE
        return o("Dropout", inputs[0], o.numbers(self.rate))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        given, training = n.array(1), n.array(2)
        if n.note != NOTE or given is None or (training is not None and bool(training.reshape(-1)[0])):
            return None
        return Read(cls(rate=float(str(given.reshape(-1)[0]))), (n.inputs[0],))
