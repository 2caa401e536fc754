"""Gaussian noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words import flag, number
from ..words.augmentation import Augmentation, clipped

if TYPE_CHECKING:
    from numpy.random import Generator


class Noise(Augmentation):
    """A Gaussian random number of this standard deviation added to every number."""

    apart = True

    size: float = number("standard deviation", default=0.1, position=0, least=0)
    clip: bool = flag("keep the numbers between 0 and 1", default=False, word="clip")

    def apply(self, images: Any, random: Generator) -> Any:
        return clipped(images + (random.standard_normal(images.shape) * self.size).astype(images.dtype), self.clip)
