"""Gaussian noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words import number
from ..words.augmentation import Augmentation

if TYPE_CHECKING:
    from numpy.random import Generator


class Noise(Augmentation):
    """A Gaussian random number of this standard deviation added to every number."""

    size: float = number("standard deviation", default=0.1, position=0, least=0)

    def apply(self, images: Any, random: Generator) -> Any:
        return images + (random.standard_normal(images.shape) * self.size).astype(images.dtype)
