"""Mean squared error."""

from __future__ import annotations

from math import prod
from typing import Any

from ..ir.types import TensorType
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class Mse(Loss, name="mse"):
    """Mean of (output - target)^2 over every element, as PyTorch's MSELoss."""

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """0; alike, the variance: the mean is the best answer."""
        return float(targets.astype("f8").var(0).mean()) if alike else 0.0

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        count = shape.batch * prod(sizes(shape))
        return str(b(f"loss[0] += (z[{ix}] - t[{ix}]) * (z[{ix}] - t[{ix}]) / (N * {count})", z=z, t=t))
