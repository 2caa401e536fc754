"""More and less colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType, shape_text
from ..words import WordError, flag, number
from ..words.augmentation import Augmentation, clipped, each

if TYPE_CHECKING:
    from numpy.random import Generator


class Saturation(Augmentation):
    """What sets the colours of a pixel apart from its grey (the mean of its channels), multiplied by a number of each image
    between 1 - by and 1 + by."""

    by: float = number("the largest change, as a part", default=0.2, position=0, least=0, most=1)
    clip: bool = flag("keep the numbers between 0 and 1", default=False, word="clip")

    def check_input(self, images: TensorType) -> None:
        if images.channels is not None and images.channels < 2:
            raise WordError("saturation needs colours, and the input has one channel",
                            label=f"the input is {shape_text(images.shape)}", code="shape-mismatch")

    def apply(self, images: Any, random: Generator) -> Any:
        grey = images.mean(1, keepdims=True)
        return clipped(grey + (images - grey) * each(images, random, 1 - self.by, 1 + self.by), self.clip)
