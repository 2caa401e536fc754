"""Rectangles taken out of images."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import count, listing, number
from ..words.augmentation import Augmentation, need_plane, span

if TYPE_CHECKING:
    from numpy.random import Generator


class Cutout(Augmentation):
    """A rectangle of some images filled with one number: `cutout 16` a square of 16 pixels about a place anywhere, of which a
    part may lie outside; without a size a rectangle inside, of a random area and ratio (random erasing). Targets stay.

    Paper: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017
           (arXiv:1708.04552); Zhong et al., "Random Erasing Data Augmentation", 2017 (arXiv:1708.04896)
    """

    size: Any = count("pixels of a side of a square", default=None, position=0)
    rate: float = number("the part of the images", default=0.5, least=0, most=1)
    scale: Any = listing("without a size: the smallest and the largest part of the area", default=(0.02, 0.33))
    ratio: Any = listing("without a size: the smallest and the largest ratio of height to width", default=(0.3, 3.3))
    value: float = number("what is put there", default=0.0)

    def check(self) -> None:
        span("scale", self.scale, 0, 1)
        span("ratio", self.ratio, 1e-3)

    def check_input(self, images: TensorType) -> None:
        need_plane(self.name, images)

    def apply(self, images: Any, random: Generator) -> Any:
        out = images.copy()
        for k in range(len(out)):
            if random.random() < self.rate:
                top, left, high, wide = self.part(images.shape[-2], images.shape[-1], random)
                out[k, :, max(0, top):max(0, top + high), max(0, left):max(0, left + wide)] = self.value
        return out

    def part(self, height: int, width: int, random: Generator) -> tuple[int, int, int, int]:
        """The rectangle of one image: its upper left corner, its height and width; none fits where all are 0."""
        if self.size is not None:
            top, left = (int(random.integers(0, n)) - self.size // 2 for n in (height, width))
            return top, left, self.size, self.size
        (least, most), (flat, tall) = span("scale", self.scale, 0, 1), span("ratio", self.ratio, 1e-3)
        for _ in range(10):
            area, ratio = height * width * random.uniform(least, most), exp(random.uniform(log(flat), log(tall)))
            high, wide = round(sqrt(area * ratio)), round(sqrt(area / ratio))
            if high < height and wide < width:
                return int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1)), high, wide
        return 0, 0, 0, 0
