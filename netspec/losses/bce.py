"""Binary cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, prod
from typing import Any, ClassVar

from ..ir.types import TensorType
from ..words import WordError, value
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss, Range
from .parts.choice import choice


class Bce(Loss, name="bce"):
    """-(t log p + (1 - t) log(1 - p)) with p the sigmoid of the output, averaged over every element.

    Reads logits, as PyTorch's BCEWithLogitsLoss; where the output ends in `sigmoid`, that sigmoid's input. Targets are
    numbers in [0, 1] of the output's shape. Nothing overflows: max(z, 0) - z t + log(1 + e^-|z|).
    `pos_weight=` multiplies the first term, t log p: one number, or one for each channel, as PyTorch's; more than 1 where the
    answer yes is rare.
    """

    pos_weight: Any = value("what the answer yes weighs: a number, or one for each channel", default=None)

    after = "sigmoid"
    reads: ClassVar[Range] = "logits"
    instead: ClassVar[Mapping[str, str]] = {"log-probabilities": "nll"}

    def check_targets(self, smallest: float, largest: float) -> None:
        if not (smallest >= 0 and largest <= 1):
            raise WordError(f"holds {largest if largest > 1 else smallest:g}, which is no probability",
                            "loss bce wants numbers from 0 to 1", hint="one of several classes:  loss cross_entropy",
                            code="label-range")

    def uninformed(self, output: TensorType) -> float | None:
        """ln 2: yes as likely as no; with `pos_weight` it depends on how many answers are yes."""
        return log(2) if self.pos_weight is None else None

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """With a what yes weighs and b what no does: p = a / (a + b), which costs -a log p - b log (1 - p). 0 where every target
        is 0 or 1."""
        import numpy as np

        t = targets.astype("f8")
        weight = np.asarray(1.0 if self.pos_weight is None else self.pos_weight, "f8")
        yes, no = t * weight.reshape((-1,) + (1,) * (t.ndim - 2)), 1 - t
        if alike:
            yes, no = yes.mean(0), no.mean(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(sum(np.where(k > 0, -k * np.log(k / (yes + no)), 0.0).mean() for k in (yes, no)))

    def check(self) -> None:
        given = self.pos_weight if isinstance(self.pos_weight, (tuple, list)) else (self.pos_weight,)
        if self.pos_weight is not None and not (given and all(isinstance(w, (int, float)) and not isinstance(w, bool)
                                                              and 0 <= w < float("inf") for w in given)):
            raise WordError("pos_weight is a number of at least 0, or a list of such", label=f"pos_weight={self.pos_weight}",
                            hint="pos_weight=[1, 2, 5]", code="bad-value")

    def check_output(self, output: TensorType) -> None:
        many = isinstance(self.pos_weight, (tuple, list))
        if many and output.channels is not None and len(self.pos_weight) != output.channels:
            raise WordError("pos_weight has a number for each channel",
                            label=f"{len(self.pos_weight)} numbers, {output.channels} channels", code="loss-shape")

    def _yes(self) -> str:
        """What the answer yes of a channel weighs."""
        given = self.pos_weight if isinstance(self.pos_weight, (tuple, list)) else (self.pos_weight,)
        return choice("c", tuple(map(float, given)))

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        if self.pos_weight is not None:
            at = b(f"at[{ix}] = (1.0 - t[{ix}]) * z[{ix}] + (1.0 + ({self._yes()} - 1.0) * t[{ix}])"
                   f" * (max(-z[{ix}], 0.0) + log1p(exp(-abs(z[{ix}]))))", z=z, t=t)
            return str(b(f"loss[0] += at[{ix}] / (N * {shape.batch * prod(sizes(shape))})", at=at))
        at = b(f"at[{ix}] = max(z[{ix}], 0.0) - z[{ix}] * t[{ix}] + log1p(exp(-abs(z[{ix}])))", z=z, t=t)
        return str(b(f"loss[0] += at[{ix}] / (N * {shape.batch * prod(sizes(shape))})", at=at))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, str]) -> str:
        """(sigmoid - target) / count."""
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        if self.pos_weight is not None:
            return str(b(f"dz[{ix}] = (1.0 - t[{ix}] - (1.0 + ({self._yes()} - 1.0) * t[{ix}]) * (1.0 - sigmoid(z[{ix}])))"
                         f" * (dy[0] / (N * {shape.batch * prod(sizes(shape))}))", z=z, t=t, dy=dy))
        return str(b(f"dz[{ix}] = (sigmoid(z[{ix}]) - t[{ix}]) * (dy[0] / (N * {shape.batch * prod(sizes(shape))}))", z=z, t=t,
                     dy=dy))
