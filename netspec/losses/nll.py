"""Negative log-likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..words.layer import Builder, plane, sizes
from ..words.loss import Range
from .cross_entropy import CrossEntropy


class Nll(CrossEntropy, name="nll"):
    """-(output of the right class), averaged over the batch (and over the places of a map), for outputs that are
    log-probabilities, as `log_softmax` makes them. As PyTorch's NLLLoss; `cross_entropy` is this after a `log_softmax`.

    Targets, `ignore=` and `weights=` as for `cross_entropy`.
    """

    smoothing: float = 0.0

    after = ""
    reads: ClassVar[Range] = "log-probabilities"
    instead: ClassVar[Mapping[str, str]] = {"logits": "cross_entropy"}

    def forward(self, b: Builder, z: str, t: str) -> str:
        s = plane(b.type(z).shape)
        if self.soft:
            total, values = self.goals(b, z, t)
            near = b(f"near[n,0{s}] += goal[n,c{s}] * z[n,c{s}]", goal=values["goal"], z=z)
            return str(b(f"loss[0] += -near[n,0{s}] / {total}", near=near, **{k: v for k, v in values.items() if k == "total"}))
        k, total, counted = self.counted(b, z, t)
        at = b(f"at[n,0{s}] += where(t[n,0{s}] == c, -z[n,c{s}], 0.0)", t=t, z=z)
        return str(b(f"loss[0] += at[n,0{s}] * {k} / {total}", at=at, **counted))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, Any]) -> str:
        """-1 for the right class, weighted, / count."""
        s = plane(b.type(z).shape)
        if self.soft:
            return str(b(f"dz[n,c{s}] = -goal[n,c{s}] * {self.part(b, z)}", dy=dy, **saved))
        right = "-1.0" if self.even else f"-k[n,0{s}]"
        return str(b(f"dz[n,c{s}] = where(t[n,0{s}] == c, {right}, 0.0) * {self.part(b, z)}", t=t, dy=dy, out=sizes(b.type(z)),
                     **saved))
