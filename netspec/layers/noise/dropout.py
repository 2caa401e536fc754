"""Dropout."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import flag, rate
from ...words.layer import Builder, Example, Layer, plane, sizes
from ...words.onnx import OnnxNode, OnnxWriter, Read, Unsaid
from ..parts.shapes import row_major


class Dropout(Layer, category="noise"):
    """Each number is zeroed with probability `rate` in training, and the rest divided by 1 - rate; evaluation changes nothing.

    The mask is a function of the seed, the step (in training) or the call, the layer, and the numbers of the example in it and of
    the element: the same on every backend, on any number of threads, and however a call is cut into batches. `spatial` drops
    whole channels; `mc` (Monte Carlo) drops when predicting as well.

    Shapes:  any -> the same
    Paper:   Srivastava et al., "Dropout", 2014; Tompson et al., 2014 (arXiv:1411.4280) for `spatial`;
             Gal and Ghahramani, 2015 (arXiv:1506.02142) for `mc`
    """

    rate: float = rate("probability of dropping", default=0.5, position=0)
    spatial: bool = flag("drop whole channels", default=False, word="spatial")
    mc: bool = flag("drop when predicting, too (Monte Carlo dropout)", default=False, word="mc")
    classic: bool = flag("scale when predicting, not in training", default=False, word="classic")

    onnx_reads = ("Dropout",)
    examples = (
        Example("dropout", inputs=((3, 4, 5),), output=(3, 4, 5)),
        Example("dropout 0.3 mc", inputs=((9,),), output=(9,)),
        Example("dropout 0.25 classic", inputs=((4, 3),), output=(4, 3)),
        Example("dropout 0.5 spatial", inputs=((6, 3, 2),), output=(6, 3, 2)),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def pointwise(self) -> bool:
        return not self.spatial  # the mask goes by the element's number, which no move changes

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        (x,) = inputs
        if self.rate == 0:
            return x
        if not (b.training or self.mc):
            return b.map(f"x * {1 - self.rate!r}", x=x) if self.classic else x
        kept = f"x[n,c{plane(b.type(x).shape)}]" + ("" if self.classic else f" * {1 / (1 - self.rate)!r}")
        t = b.type(x)
        s, shape = plane(t.shape), sizes(t)
        number = f"n*{shape[0]}+c" if self.spatial else f"n*{t.size}+{row_major(shape)}"
        example = t.batch * (shape[0] if self.spatial else t.size)
        drawn = f"random(key[0], {b.key() << 40}+{number}, first[0], {example})"
        return str(b(f"y[n,c{s}] = where({drawn} < {self.rate!r}, 0.0, {kept})", key=b.scalar("random_key"),
                     first=b.scalar("random_first"), x=x))

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        """Dropout, which changes nothing when predicting; what only training needs to know is a note."""
        if self.mc:
            raise Unsaid("dropout mc draws when predicting, and no other program draws the same")
        if self.classic:
            return o("Mul", inputs[0], o.numbers(1 - self.rate))
        o.note = "spatial" if self.spatial else ""
        return o("Dropout", inputs[0], o.numbers(self.rate))

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        given, training = n.array(1), n.array(2)
        if n.note not in ("", "spatial") or (training is not None and bool(training.reshape(-1)[0])):
            return None
        ratio = 0.5 if given is None else float(str(given.reshape(-1)[0]))
        return Read(cls(rate=ratio, spatial=n.note == "spatial"), (n.inputs[0],))
