"""Adagrad."""

from __future__ import annotations

from ..words import flag, number
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Adagrad(Optimiser):
    """s += g^2; w -= lr * g / (sqrt(s) + eps): each weight has a rate of its own, which only falls.

    As PyTorch's Adagrad; Keras has start=0.1 and eps=1e-7 `inside` the root. `slow` divides lr by 1 + slow*(step - 1).
    Paper: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011
    """

    state = ("square",)

    lr: float = number("learning rate", default=0.01, least=0)
    eps: float = number("added to the root", default=1e-10, least=1e-30)
    inside: bool = flag("add eps inside the root", default=False, word="inside")
    start: float = number("the sum of squares at first", default=0.0, least=0)
    slow: float = number("how fast the rate falls from step to step", default=0.0, least=0)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        return settings | {"rate": settings["lr"] / (1 + settings["slow"] * (step - 1))}

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d = self.decayed(b, w, g)
        s = b("s[i] = square[i] + d[i] * d[i]", square=state["square"], d=d)
        total = f"s[i] + {float(self.start)!r}" if self.start else "s[i]"
        root = f"sqrt({total} + eps[0])" if self.inside else f"(sqrt({total}) + eps[0])"
        return b(f"w2[i] = w[i] - rate[0] * d[i] / {root}", w=w, rate=b.scalar("rate"), d=d, s=s,
                 eps=b.scalar("eps")), {"square": s}
