"""Huber loss."""

from __future__ import annotations

from math import prod

from ..words import number
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class Huber(Loss, name="huber"):
    """Half the square of a small error, delta (|error| - delta/2) of a large one, averaged over every element; as PyTorch's
    HuberLoss (its SmoothL1Loss is this divided by delta).

    Paper: Huber, "Robust Estimation of a Location Parameter", 1964
    """

    delta: float = number("where squares end", default=1.0, position=0, least=1e-12)

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix, k = f"n,c{plane(shape.shape)}", float(self.delta)
        d = b(f"d[{ix}] = z[{ix}] - t[{ix}]", z=z, t=t)
        return str(
            b(f"loss[0] += where(abs(d[{ix}]) <= {k!r}, d[{ix}] * d[{ix}] * 0.5, abs(d[{ix}]) * {k!r} - {0.5 * k * k!r}) / (N * {shape.batch * prod(sizes(shape))})", d=d))
