"""Examples mixed with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..words import number
from ..words.augmentation import Mixing

if TYPE_CHECKING:
    from numpy.random import Generator


class Mixup(Mixing):
    """Every example mixed with another one of its batch, number by number, and its target alike: a share of its own, drawn from
    Beta(alpha, alpha), and the rest of the other. A target that is a class becomes a share of two, which `cross_entropy` reads.

    Paper: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2017 (arXiv:1710.09412)
    """

    alpha: float = number("both parameters of the beta distribution", default=0.2, position=0, least=1e-3)

    def shares(self, images: Any, random: Generator) -> tuple[Any, Any]:
        return random.permutation(len(images)), random.beta(self.alpha, self.alpha, len(images))

    def apply(self, images: Any, random: Generator) -> Any:
        other, share = self.shares(images, random)
        own = share.astype(images.dtype).reshape(-1, *(1,) * (images.ndim - 1))
        return images * own + images[other] * (1 - own)
