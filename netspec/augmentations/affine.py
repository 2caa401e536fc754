"""Images turned, moved, enlarged and sheared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import listing, number, word
from ..words.augmentation import Augmentation, need_plane, span

if TYPE_CHECKING:
    from numpy.random import Generator


class Affine(Augmentation):
    """Every image sheared, turned and enlarged about its middle, then moved, each by numbers of its own; as torchvision's affine.
    Pixels between pixels are mixed of the four around them; numbers stay in their range."""

    moves = True

    degrees: float = number("the largest angle", default=10.0, least=0, most=180)
    translate: float = number("the farthest move along each axis, as a part of the image", default=0.1, least=0, most=1)
    scale: Any = listing("the smallest and the largest factor of enlargement", default=(0.9, 1.1))
    shear: float = number("the largest angle by which columns lean", default=0.0, least=0, most=80)
    edges: str = word("what lies outside the image", default="zeros", words=("zeros", "reflect", "replicate"))

    def check(self) -> None:
        span("scale", self.scale, 1e-3)

    def check_input(self, images: TensorType) -> None:
        need_plane(self.name, images)

    def apply(self, images: Any, random: Generator) -> Any:
        from .parts.sampling import mixed

        return self._each(images, random, lambda image, y, x: mixed(image, y, x, self.edges))

    def move(self, labels: Any, random: Generator, fill: int | None) -> Any:
        from .parts.sampling import nearest

        return self._each(labels, random, lambda image, y, x: nearest(image, y, x, self.edges, fill))

    def _each(self, images: Any, random: Generator, read: Any) -> Any:
        """Read every image at the places that are drawn for it."""
        import numpy as np

        from .parts.sampling import turned

        low, high = span("scale", self.scale, 1e-3)
        height, width = images.shape[2:]
        most = [self.degrees, self.translate * width, self.translate * height, 1, self.shear]
        drawn = random.uniform(-1, 1, (len(images), 5)) * most
        out = np.empty_like(images)
        for k, (angle, right, down, large, shear) in enumerate(drawn):
            scale = low + (high - low) * (large + 1) / 2
            out[k] = read(images[k], *turned(images.shape, angle, (right, down), scale, shear))
        return out
