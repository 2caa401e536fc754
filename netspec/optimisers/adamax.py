"""Adamax."""

from __future__ import annotations

from ..words import number
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Adamax(Optimiser):
    """Adam with the largest recent gradient in place of the root mean square: u = max(beta2*u, |g| + eps); w -= lr * mhat / u.

    Paper: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014 (arXiv:1412.6980), section 7
    """

    state = ("mean", "largest")

    lr: float = number("learning rate", default=0.002, least=0)
    beta1: float = number("decay of the mean of gradients", default=0.9, least=0, below=1)
    beta2: float = number("decay of the largest gradient", default=0.999, least=0, below=1)
    eps: float = number("added to the gradient's size", default=1e-8, least=1e-30)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        return settings | {"rate": settings["lr"] / (1 - settings["beta1"] ** step)}

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d, beta1 = self.decayed(b, w, g), b.scalar("beta1")
        m = b("m[i] = beta1[0] * mean[i] + (1.0 - beta1[0]) * d[i]", beta1=beta1, mean=state["mean"], d=d)
        u = b("u[i] = max(beta2[0] * largest[i], abs(d[i]) + eps[0])", beta2=b.scalar("beta2"), largest=state["largest"], d=d,
              eps=b.scalar("eps"))
        return b("w2[i] = w[i] - rate[0] * m[i] / u[i]", w=w, rate=b.scalar("rate"), m=m, u=u), {"mean": m, "largest": u}
