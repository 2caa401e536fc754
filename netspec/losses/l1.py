"""Mean absolute error."""

from __future__ import annotations

from math import prod
from typing import Any

from ..ir.types import TensorType
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class L1(Loss, name="l1"):
    """Mean of |output - target| over every element, as PyTorch's L1Loss. Its derivative at 0 is 0."""

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """0; alike, the mean distance from the median."""
        if not alike:
            return 0.0
        import numpy as np

        values = targets.astype("f8")
        return float(np.abs(values - np.median(values, 0)).mean())

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        return str(b(f"loss[0] += abs(z[{ix}] - t[{ix}]) / (N * {shape.batch * prod(sizes(shape))})", z=z, t=t))
