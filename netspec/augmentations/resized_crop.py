"""Random parts of images in the full size."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import listing
from ..words.augmentation import Augmentation, need_plane, span

if TYPE_CHECKING:
    from numpy.random import Generator


class ResizedCrop(Augmentation, name="resized_crop"):
    """A part of every image, of an area and a ratio of width to height of its own, enlarged to the whole; as torchvision's
    RandomResizedCrop: a part that would not fit is drawn again, at most ten times, and is then as large as can be. Pixels between
    pixels are mixed of the four around them; numbers stay in their range.

    Paper: Szegedy et al., "Going Deeper with Convolutions", 2014 (arXiv:1409.4842), section 6
    """

    moves = True

    scale: Any = listing("the smallest and the largest part of the area", default=(0.08, 1))
    ratio: Any = listing("the smallest and the largest ratio of width to height", default=(0.75, 4 / 3))

    def check(self) -> None:
        span("scale", self.scale, 1e-6, 1)
        span("ratio", self.ratio, 1e-3)

    def check_input(self, images: TensorType) -> None:
        need_plane(self.name, images)

    def apply(self, images: Any, random: Generator) -> Any:
        from .parts.sampling import stretched

        return self._each(images, random, stretched)

    def move(self, labels: Any, random: Generator, fill: int | None) -> Any:
        from .parts.sampling import stretched_labels

        return self._each(labels, random, stretched_labels)

    def _each(self, images: Any, random: Generator, stretch: Any) -> Any:
        import numpy as np

        out = np.empty_like(images)
        height, width = images.shape[2:]
        for k in range(len(images)):
            top, left, high, wide = self.part(height, width, random)
            out[k] = stretch(images[k, :, top:top + high, left:left + wide], height, width)
        return out

    def part(self, height: int, width: int, random: Generator) -> tuple[int, int, int, int]:
        """The part of one image: its upper left corner, its height and width."""
        (least, most), (narrow, broad) = span("scale", self.scale, 1e-6, 1), span("ratio", self.ratio, 1e-3)
        for _ in range(10):
            area = height * width * random.uniform(least, most)
            ratio = exp(random.uniform(log(narrow), log(broad)))
            wide, high = round(sqrt(area * ratio)), round(sqrt(area / ratio))
            if 0 < wide <= width and 0 < high <= height:
                return int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1)), high, wide
        wide, high = width, height
        if width / height < narrow:
            high = max(1, round(width / narrow))
        elif width / height > broad:
            wide = max(1, round(height * broad))
        return (height - high) // 2, (width - wide) // 2, high, wide
