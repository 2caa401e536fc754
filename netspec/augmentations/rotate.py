"""Turned images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import number, word
from ..words.augmentation import Augmentation, need_plane

if TYPE_CHECKING:
    from numpy.random import Generator


class Rotate(Augmentation):
    """Every image turned about its middle by an angle of its own, between -degrees and degrees. Pixels between pixels are mixed
    of the four around them; numbers stay in their range."""

    moves = True

    degrees: float = number("the largest angle", default=10.0, position=0, least=0, most=180)
    edges: str = word("what lies outside the image", default="zeros", words=("zeros", "reflect", "replicate"))

    def check_input(self, images: TensorType) -> None:
        need_plane(self.name, images)

    def apply(self, images: Any, random: Generator) -> Any:
        from .parts.sampling import mixed, turned

        return _each(images, random.uniform(-self.degrees, self.degrees, len(images)),
                     lambda image, angle: mixed(image, *turned(image.shape, angle), self.edges))

    def move(self, labels: Any, random: Generator, fill: int | None) -> Any:
        from .parts.sampling import nearest, turned

        return _each(labels, random.uniform(-self.degrees, self.degrees, len(labels)),
                     lambda image, angle: nearest(image, *turned(image.shape, angle), self.edges, fill))


def _each(images: Any, angles: Any, turn: Any) -> Any:
    import numpy as np

    out = np.empty_like(images)
    for k, angle in enumerate(angles):
        out[k] = turn(images[k], float(angle))
    return out
