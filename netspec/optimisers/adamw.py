"""Adam with decoupled weight decay."""

from __future__ import annotations

from ..words import number
from ..words.layer import Builder
from .adam import Adam


class AdamW(Adam):
    """Adam, but `decay` shrinks the weights directly, w *= 1 - lr*decay, before the step; as PyTorch's AdamW.

    Paper: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2017 (arXiv:1711.05101)
    """

    decay: float = number("weight decay, apart from the gradient", default=0.01, least=0)

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        kept = str(b("kept[i] = w[i] * keep[0]", w=w, keep=b.scalar("keep")))
        return self.moved(b, kept, self.limited(b, g), **state)
