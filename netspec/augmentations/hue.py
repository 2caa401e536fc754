"""Colours turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType
from ..words import number
from ..words.augmentation import Augmentation, need_channels

if TYPE_CHECKING:
    from numpy.random import Generator


class Hue(Augmentation):
    """The hue of every image turned by a part of the circle of its own, between -by and by; brightness and saturation of each
    pixel stay, so that numbers from 0 to 1 stay in that range. As torchvision's adjust_hue.
    """

    by: float = number("the largest turn, as a part of the circle", default=0.1, position=0, least=0, most=0.5)

    def check_input(self, images: TensorType) -> None:
        need_channels(self.name, images, 3)

    def apply(self, images: Any, random: Generator) -> Any:
        import numpy as np

        turns = random.uniform(-self.by, self.by, len(images))
        out = np.empty_like(images)
        for k, turn in enumerate(turns):
            _turned(images[k], out[k], images.dtype.type(6 * turn))
        return out


def _turned(image: Any, out: Any, turn: Any) -> None:
    """One image in hue, chroma and value, each a plane; its hue on by `turn` sixths of the circle (Smith, 1978)."""
    import numpy as np

    r, g, b = image
    value = np.maximum(np.maximum(r, g), b)
    chroma = value - np.minimum(np.minimum(r, g), b)
    per = 1 / np.where(chroma == 0, image.dtype.type(1), chroma)
    hue = np.where(r == value, (g - b) * per, np.where(g == value, (b - r) * per + 2, (r - g) * per + 4)) + turn
    for c, offset in enumerate((5, 3, 1)):
        k = np.mod(hue + offset, 6, dtype=image.dtype)
        out[c] = value - chroma * np.minimum(np.minimum(k, 4 - k), 1).clip(0, None)
