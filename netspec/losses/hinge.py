"""Multiclass hinge loss, the support vector machine's."""

from __future__ import annotations

from typing import Any

from ..ir.types import TensorType
from ..words import flag, number
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss, need_channels, pixels


class Hinge(Loss, name="hinge"):
    """Sum over the wrong classes of max(0, score - right score + margin), averaged over the batch (and the places of a map).

    An untrained net of ten classes starts near 9. As Weston and Watkins and the lectures; PyTorch's MultiMarginLoss also
    divides by the number of classes: `mean`. Targets are whole numbers 0..classes-1 of shape N or N x spatial.
    Paper: Weston and Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", 1999
    """

    margin: float = number("how much larger the right score must be", default=1.0, least=0)
    mean: bool = flag("divide by the number of classes", default=False, word="mean")

    def target(self, output: TensorType) -> TensorType:
        return TensorType((1, *output.spatial), output.batch, "int")

    def check_output(self, output: TensorType) -> None:
        need_channels("hinge", output, 2)

    def uninformed(self, output: TensorType) -> float | None:
        """The margin, of each wrong class."""
        wrong = (output.channels or 0) - 1
        return self.margin * (wrong / (wrong + 1) if self.mean else wrong) if wrong > 0 else None

    def least(self, output: TensorType, targets: Any, alike: bool) -> float | None:
        """0; alike, nobody has said: no closed form is known."""
        return None if alike else 0.0

    def forward(self, b: Builder, z: str, t: str) -> str:
        s = plane(b.type(z).shape)
        right = b(f"right[n,0{s}] += where(t[n,0{s}] == c, z[n,c{s}], 0.0)", t=t, z=z)
        h = b(f"h[n,c{s}] = where(t[n,0{s}] == c, 0.0, max(z[n,c{s}] - right[n,0{s}] + {float(self.margin)!r}, 0.0))", t=t, z=z,
              right=right)
        b.save(h=h)
        return str(b(f"loss[0] += h[n,c{s}] / (N * {self._count(b.type(z))})", h=h))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, str]) -> str:
        """1 for each wrong class inside the margin, minus their number for the right one."""
        s = plane(b.type(z).shape)
        wrong = b(f"wrong[n,0{s}] += where(h[n,c{s}] > 0.0, 1.0, 0.0)", h=saved["h"])
        return str(
            b(f"dz[n,c{s}] = where(t[n,0{s}] == c, -wrong[n,0{s}], where(h[n,c{s}] > 0.0, 1.0, 0.0)) * (dy[0] / (N * {self._count(b.type(z))}))",
                     t=t, wrong=wrong, h=saved["h"], dy=dy))

    def _count(self, t: TensorType) -> int:
        return pixels(t) * (sizes(t)[0] if self.mean else 1)
