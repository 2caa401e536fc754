"""Binary cross-entropy."""

from __future__ import annotations

from math import prod

from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class Bce(Loss, name="bce"):
    """-(t log p + (1 - t) log(1 - p)) with p the sigmoid of the output, averaged over every element.

    Reads logits, as PyTorch's BCEWithLogitsLoss; where the output ends in `sigmoid`, that sigmoid's input. Targets are
    numbers in [0, 1] of the output's shape. Nothing overflows: max(z, 0) - z t + log(1 + e^-|z|).
    """

    after = "sigmoid"

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
