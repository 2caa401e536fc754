"""Instance normalisation."""

from __future__ import annotations

from ...ir.types import TensorType
from ...words import flag
from ...words.layer import Example
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
