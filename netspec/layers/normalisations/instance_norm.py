"""Instance normalisation."""

from __future__ import annotations

from typing import Any

from ...ir.types import TensorType
from ...words import flag
from ...words.layer import Example, known_channels
from ...words.onnx import OnnxNode, OnnxWriter, Read
from ..parts.moments import several
from .group_norm import GroupNorm


class InstanceNorm(GroupNorm, category="normalisation", name="instance_norm"):
    """Each channel of each image to mean 0 and (biased) variance 1. As PyTorch, nothing is learned unless `affine`.

    Shapes:  C x W... -> the same
    Params:  with `affine`, weight [C], bias [C]
    Errors:  an input of one number a channel, whose result would be zero
    Paper:   Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016 (arXiv:1607.08022)
    """

    centres = True

    groups: int = 0  # every channel its own
    affine: bool = flag("learn a scale and a shift", default=False, word="affine")

    onnx_reads = ("InstanceNormalization",)
    examples = (
        Example("instance_norm", inputs=((4, 3, 2),), output=(4, 3, 2)),
        Example("instance_norm", inputs=((2, 2, 1, 2),), output=(2, 2, 1, 2)),
        Example("instance_norm affine", inputs=((3, 5),), output=(3, 5), parameters=6),
    )

    def shape(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        several("instance_norm", x, x.spatial, "each channel of an image")
        return x

    def of(self, channels: int | None) -> int:
        return channels or 1

    def to_onnx(self, o: OnnxWriter, *inputs: str, **parameters: str) -> str:
        c = known_channels(o.type(inputs[0]))
        o.note = "" if self.affine else "affine=no"
        weight, bias = (parameters["weight"], parameters["bias"]) if self.affine else (o.numbers([1.0] * c), o.numbers([0.0] * c))
        return o("InstanceNormalization", inputs[0], weight, bias, epsilon=self.eps)

    @classmethod
    def from_onnx(cls: Any, n: OnnxNode) -> Read | None:
        w, b, eps = n.array(1), n.array(2), n.attributes.get("epsilon", 1e-5)
        if w is None or b is None:
            return None
        if n.note == "affine=no":
            return Read(cls(eps=eps), (n.inputs[0],))
        return Read(cls(eps=eps, affine=True), (n.inputs[0],), {"weight": w, "bias": b})
