"""Softmax cross-entropy."""

from __future__ import annotations

from ..ir.types import TensorType
from ..layers.layer import Builder
from .loss import SPATIAL, Loss, need_channels, pixels


class CrossEntropy(Loss, name="cross_entropy"):
    """-log of the softmax probability of the right class, averaged over the batch (and over the places of a map).

    Reads logits; where the output ends in `softmax`, that softmax's input. Targets are whole numbers 0..classes-1 of
    shape N or N x spatial. The largest logit is subtracted first, so that nothing overflows.
    An untrained net of ten classes starts near ln 10 = 2.3026.
    """

    after = "softmax"

    def target(self, output: TensorType) -> TensorType:
        return TensorType((1, *output.spatial), output.batch, "int")

    def check_output(self, output: TensorType) -> None:
        need_channels("cross_entropy", output, 2)

    def forward(self, b: Builder, z: str, t: str) -> str:
        s = SPATIAL[len(b.type(z).shape) - 1]
        m = b(f"m[n,0{s}] max= z[n,c{s}]", z=z)
        e = b(f"e[n,0{s}] += exp(z[n,c{s}] - m[n,0{s}])", z=z, m=m)
        right = b(f"right[n,0{s}] += where(t[n,0{s}] == c, z[n,c{s}] - m[n,0{s}], 0.0)", t=t, z=z, m=m)
        b.save(m=m, e=e)
        at = b(f"at[n,0{s}] = log(e[n,0{s}]) - right[n,0{s}]", e=e, right=right)
        return str(b(f"loss[0] += at[n,0{s}] / (N * {pixels(b.type(z))})", at=at))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, str]) -> str:
        """(softmax - one-hot) / count."""
        s = SPATIAL[len(b.type(z).shape) - 1]
        ix = f"n,c{s}"
        return str(b(f"dz[{ix}] = (exp(z[{ix}] - m[n,0{s}]) / e[n,0{s}] - where(t[n,0{s}] == c, 1.0, 0.0)) * (dy[0] / (N * {pixels(b.type(z))}))",
                     z=z, t=t, dy=dy, **saved))
