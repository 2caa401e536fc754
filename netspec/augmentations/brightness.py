"""Brighter and darker images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words import flag, number
from ..words.augmentation import Augmentation, clipped, each

if TYPE_CHECKING:
    from numpy.random import Generator


class Brightness(Augmentation):
    """Every image multiplied by a number of its own between 1 - by and 1 + by."""

    by: float = number("the largest change, as a part", default=0.2, position=0, least=0, most=1)
    clip: bool = flag("keep the numbers between 0 and 1", default=False, word="clip")

    def apply(self, images: Any, random: Generator) -> Any:
        return clipped(images * each(images, random, 1 - self.by, 1 + self.by), self.clip)
