"""Rectangles of other images."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import number
from ..words.augmentation import Mixing, need_plane

if TYPE_CHECKING:
    from numpy.random import Generator


class Cutmix(Mixing):
    """A rectangle of every image taken from another one of its batch, about a place anywhere; its target is that of both, by the
    share of the pixels. The area is 1 - a number drawn from Beta(alpha, alpha), less what lies outside. A target that is a class
    becomes a share of two, which `cross_entropy` reads.

    Paper: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers", 2019 (arXiv:1905.04899)
    """

    alpha: float = number("both parameters of the beta distribution", default=1.0, position=0, least=1e-3)

    def check_input(self, images: TensorType) -> None:
        need_plane(self.name, images)

    def shares(self, images: Any, random: Generator) -> tuple[Any, Any]:
        import numpy as np

        other, boxes = self._drawn(images, random)
        height, width = images.shape[2:]
        return other, np.array([1 - (bottom - top) * (right - left) / (height * width) for top, bottom, left, right in boxes])

    def apply(self, images: Any, random: Generator) -> Any:
        other, boxes = self._drawn(images, random)
        out = images.copy()
        for k, (top, bottom, left, right) in enumerate(boxes):
            out[k, :, top:bottom, left:right] = images[other[k], :, top:bottom, left:right]
        return out

    def _drawn(self, images: Any, random: Generator) -> tuple[Any, list[tuple[int, int, int, int]]]:
        """For each example whom it is mixed with, and the rectangle: first and last row and column."""
        height, width = images.shape[2:]
        other, boxes = random.permutation(len(images)), []
        for share in random.beta(self.alpha, self.alpha, len(images)):
            y, x = int(random.integers(0, height)), int(random.integers(0, width))
            high, wide = int(height * sqrt(1 - share)), int(width * sqrt(1 - share))
            top, left = y - high // 2, x - wide // 2
            boxes.append((max(0, top), min(height, top + high), max(0, left), min(width, left + wide)))
        return other, boxes
