"""Content loss of style transfer."""

from __future__ import annotations

from ..words.layer import Builder, plane
from ..words.loss import Loss


class Content(Loss, name="content"):
    """Half the sum of (output - target)^2 over an image, averaged over the batch.

    Paper: Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", 2016, equation 1
    """

    def forward(self, b: Builder, z: str, t: str) -> str:
        shape = b.type(z)
        ix = f"n,c{plane(shape.shape)}"
        return str(b(f"loss[0] += (z[{ix}] - t[{ix}]) * (z[{ix}] - t[{ix}]) * 0.5 / (N * {shape.batch})", z=z, t=t))
