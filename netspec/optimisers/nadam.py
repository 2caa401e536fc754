"""Adam with Nesterov momentum."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

from ..words import number
from ..words.layer import Builder
from ..words.optimiser import Optimiser

SLOWLY = 0.004  # PyTorch's momentum_decay


class NAdam(Optimiser):
    """Adam whose mean looks one step ahead; as PyTorch's NAdam, with mu_t = beta1 * (1 - 0.96^(0.004 t) / 2).

    Paper: Dozat, "Incorporating Nesterov Momentum into Adam", 2016
    """

    state = ("mean", "square")

    lr: float = number("learning rate", default=0.002, least=0)
    beta1: float = number("decay of the mean of gradients", default=0.9, least=0, below=1)
    beta2: float = number("decay of the mean of squared gradients", default=0.999, least=0, below=1)
    eps: float = number("added to the root", default=1e-8, least=1e-30)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        beta1, lr = settings["beta1"], settings["lr"]
        mu, ahead, product = _mu(beta1, step), _mu(beta1, step + 1), _product(beta1, step)
        return settings | {"of_gradient": lr * (1 - mu) / (1 - product), "of_mean": lr * ahead / (1 - product * ahead),
                           "root": 1 / sqrt(1 - settings["beta2"] ** step)}

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d, beta1, beta2 = self.decayed(b, w, g), b.scalar("beta1"), b.scalar("beta2")
        m = b("m[i] = beta1[0] * mean[i] + (1.0 - beta1[0]) * d[i]", beta1=beta1, mean=state["mean"], d=d)
        v = b("v[i] = beta2[0] * square[i] + (1.0 - beta2[0]) * (d[i] * d[i])", beta2=beta2, square=state["square"], d=d)
        w2 = b("w2[i] = w[i] - (of_gradient[0] * d[i] + of_mean[0] * m[i]) / (sqrt(v[i]) * root[0] + eps[0])", w=w,
               of_gradient=b.scalar("of_gradient"), d=d,
               of_mean=b.scalar("of_mean"), m=m, v=v, root=b.scalar("root"), eps=b.scalar("eps"))
        return w2, {"mean": m, "square": v}


def _mu(beta1: float, step: int) -> float:
    return float(beta1 * (1 - 0.5 * 0.96 ** (step * SLOWLY)))


@lru_cache(maxsize=16)
def _products(beta1: float) -> list[float]:
    return [1.0]


def _product(beta1: float, step: int) -> float:
    """mu_1 * ... * mu_step, continued from where the last call ended."""
    known = _products(beta1)
    while len(known) <= step:
        known.append(known[-1] * _mu(beta1, len(known)))
    return known[step]
