"""Gram loss, the style loss of style transfer."""

from __future__ import annotations

from math import prod

from ..ir.types import TensorType
from ..words import WordError, flag
from ..words.layer import Builder, plane, sizes
from ..words.loss import Loss


class Gram(Loss, name="gram"):
    """How far the correlations between channels are from the target's: with G the C x C sums over an image of products of
    channels, the sum of (G - G_target)^2 / (4 C^2 M^2), M the number of places, averaged over the batch.

    The target is an output of the same shape, whose Gram matrix is taken; with `matrix` it is the matrix itself, C x C
    (that of an image of another size is multiplied by the ratio of the places).
    Paper: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016, equations 3-5
    """

    matrix: bool = flag("the target is a Gram matrix", default=False, word="matrix")

    def target(self, output: TensorType) -> TensorType:
        return output.of(output.channels, output.channels) if self.matrix else output

    def check_output(self, output: TensorType) -> None:
        if not output.spatial:
            raise WordError("gram sums over the places of an image, and this output has none", label=f"the output is {output}",
                            code="loss-shape")

    def forward(self, b: Builder, z: str, t: str) -> str:
        s = plane(b.type(z).shape)
        d = str(b(f"g[n,a,b] += z[n,a{s}] * z[n,b{s}]", z=z))
        wanted = t if self.matrix else b(f"g[n,a,b] += t[n,a{s}] * t[n,b{s}]", t=t)
        d = b("d[n,a,b] = g[n,a,b] - wanted[n,a,b]", g=d, wanted=wanted)
        b.save(d=d)
        return str(b(f"loss[0] += d[n,a,b] * d[n,a,b] * {0.25 * self._scale(b.type(z))!r} / (N * {b.type(z).batch})", d=d))

    def backward(self, b: Builder, dy: float | str, z: str, t: str, saved: dict[str, str]) -> str:
        """(G - G_target) z / (C^2 M^2)."""
        s = plane(b.type(z).shape)
        u = b(f"u[n,a{s}] += d[n,a,b] * z[n,b{s}]", d=saved["d"], z=z)
        return str(b(f"dz[n,a{s}] = u[n,a{s}] * {self._scale(b.type(z))!r} * (dy[0] / (N * {b.type(z).batch}))", u=u, dy=dy))

    def _scale(self, t: TensorType) -> float:
        c, *space = sizes(t)
        return 1.0 / (c * c * prod(space) ** 2)
