"""Mirror images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import flag, number
from ..words.augmentation import Augmentation, need_places

if TYPE_CHECKING:
    from numpy.random import Generator


class Flip(Augmentation):
    """Some images mirrored left to right, or upside down with `vertical`.

    Paper: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012
    """

    moves = any_size = True

    vertical: bool = flag("upside down instead", default=False, word="vertical")
    rate: float = number("the part of the images", default=0.5, least=0, most=1)

    def check_input(self, images: TensorType) -> None:
        need_places(self.name, images, 2 if self.vertical else 1)

    def apply(self, images: Any, random: Generator) -> Any:
        import numpy as np

        chosen = random.random(len(images)) < self.rate
        return np.where(chosen.reshape(-1, *(1,) * (images.ndim - 1)), np.flip(images, -2 if self.vertical else -1), images)

    def move(self, labels: Any, random: Generator, fill: int | None) -> Any:
        return self.apply(labels, random)
