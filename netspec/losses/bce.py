"""Binary cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, prod
from typing import ClassVar

from ..ir.types import TensorType
from ..words import WordError
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss, Range


class Bce(Loss, name="bce"):
    """-(t log p + (1 - t) log(1 - p)) with p the sigmoid of the output, averaged over every element.

    Reads logits, as PyTorch's BCEWithLogitsLoss; where the output ends in `sigmoid`, that sigmoid's input. Targets are
    numbers in [0, 1] of the output's shape. Nothing overflows: max(z, 0) - z t + log(1 + e^-|z|).
    """

    after = "sigmoid"
    reads: ClassVar[Range] = "logits"
    instead: ClassVar[Mapping[str, str]] = {"log-probabilities": "nll"}

    def check_targets(self, smallest: float, largest: float) -> None:
        if not (smallest >= 0 and largest <= 1):
            raise WordError(f"holds {largest if largest > 1 else smallest:g}, which is no probability",
                            "loss bce wants numbers from 0 to 1", hint="one of several classes:  loss cross_entropy",
                            code="label-range")

    def uninformed(self, output: TensorType) -> float | None:
        """ln 2: yes as likely as no."""
        return log(2)

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        at = b(f"at[{ix}] = max(z[{ix}], 0.0) - z[{ix}] * t[{ix}] + log1p(exp(-abs(z[{ix}])))", z=z, t=t)
        return str(b(f"loss[0] += at[{ix}] / (N * {shape.batch * prod(sizes(shape))})", at=at))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, str]) -> str:
        """(sigmoid - target) / count."""
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        return str(b(f"dz[{ix}] = (sigmoid(z[{ix}]) - t[{ix}]) * (dy[0] / (N * {shape.batch * prod(sizes(shape))}))", z=z, t=t,
                     dy=dy))
