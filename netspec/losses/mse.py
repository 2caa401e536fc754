"""Mean squared error."""

from __future__ import annotations

from math import prod

from ..layers.layer import Builder
from .loss import SPATIAL, Loss


class Mse(Loss, name="mse"):
    """Mean of (output - target)^2 over every element, as PyTorch's MSELoss."""

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{SPATIAL[len(shape.shape) - 1]}"
        count = shape.batch * prod(s or 0 for s in shape.shape)
        return str(b(f"loss[0] += (z[{ix}] - t[{ix}]) * (z[{ix}] - t[{ix}]) / (N * {count})", z=z, t=t))
