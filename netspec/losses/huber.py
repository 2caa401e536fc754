"""Huber loss."""

from __future__ import annotations

from math import prod
from typing import Any

from ..ir.types import TensorType
from ..words import number
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class Huber(Loss, name="huber"):
    """Half the square of a small error, delta (|error| - delta/2) of a large one, averaged over every element; as PyTorch's
    HuberLoss (its SmoothL1Loss is this divided by delta).

    Paper: Huber, "Robust Estimation of a Location Parameter", 1964
    """

    delta: float = number("where squares end", default=1.0, position=0, least=1e-12)

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """0; alike, at the answer whose gradient is 0, found by halving: the loss is convex."""
        if not alike:
            return 0.0
        import numpy as np

        values = targets.astype("f8")
        low, high = values.min(0), values.max(0)
        for _ in range(60):
            middle = (low + high) / 2
            left = np.clip(values - middle, -self.delta, self.delta).mean(0) > 0
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        off = np.abs(values - (low + high) / 2)
        return float(np.where(off <= self.delta, off * off / 2, self.delta * off - self.delta**2 / 2).mean())

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix, k = f"n,c{plane(shape.shape)}", float(self.delta)
        d = b(f"d[{ix}] = z[{ix}] - t[{ix}]", z=z, t=t)
        return str(
            b(f"loss[0] += where(abs(d[{ix}]) <= {k!r}, d[{ix}] * d[{ix}] * 0.5, abs(d[{ix}]) * {k!r} - {0.5 * k * k!r}) / (N * {shape.batch * prod(sizes(shape))})", d=d))
