"""Random crops of padded images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ir.types import TensorType, shape_text
from ..words import WordError, count, word
from ..words.augmentation import Augmentation, need_places

if TYPE_CHECKING:
    from numpy.random import Generator


class Crop(Augmentation):
    """Every image padded on all sides, and a part of the old size cut out at a place of its own: it moves by at most `pad`.

    Paper: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015 (arXiv:1512.03385), section 4.2
    """

    moves = True

    pad: int = count("pixels added on every side first", default=4, position=0)
    edges: str = word("what the padding holds", default="zeros", words=("zeros", "reflect", "replicate"))

    def check_input(self, images: TensorType) -> None:
        need_places(self.name, images)
        smallest = min((n for n in images.spatial if n is not None), default=None)
        if smallest is not None and (self.pad > smallest or (self.edges == "reflect" and self.pad == smallest)):
            raise WordError("the padding of crop is wider than the image",
                            label=f"pad={self.pad}, the input is {shape_text(images.shape)}", code="out-of-range")

    def apply(self, images: Any, random: Generator) -> Any:
        return self._cut(images, random, {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}[self.edges])

    def move(self, labels: Any, random: Generator, fill: int | None) -> Any:
        if self.edges == "zeros" and fill is not None:
            return self._cut(labels, random, "constant", constant_values=fill)
        return self._cut(labels, random, "reflect" if self.edges == "reflect" else "edge")

    def _cut(self, images: Any, random: Generator, mode: Any, **filled: int) -> Any:
        import numpy as np

        n, places, p = len(images), images.shape[2:], self.pad
        wide: Any = np.pad(images, [(0, 0), (0, 0), *((p, p) for _ in places)], mode=mode, **filled)
        corners = random.integers(0, 2 * p + 1, (n, len(places)))
        out = np.empty_like(images)
        for k, corner in enumerate(corners):
            out[k] = wide[(k, slice(None), *(slice(a, a + size) for a, size in zip(corner, places)))]
        return out
