"""Adadelta."""

from __future__ import annotations

from ..words import number
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Adadelta(Optimiser):
    """s and a are running means of g^2 and of squared steps: step = sqrt(a + eps) / sqrt(s + eps) * g; w -= lr * step.

    Paper: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012 (arXiv:1212.5701)
    """

    state = ("square", "moved")

    lr: float = number("learning rate", default=1.0, least=0)
    rho: float = number("decay of the running means", default=0.9, least=0, below=1)
    eps: float = number("added inside the roots", default=1e-6, least=1e-30)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d, rho, eps = self.decayed(b, w, g), b.scalar("rho"), b.scalar("eps")
        s = b("s[i] = rho[0] * square[i] + (1.0 - rho[0]) * (d[i] * d[i])", rho=rho, square=state["square"], d=d)
        step = b("step[i] = sqrt(moved[i] + eps[0]) / sqrt(s[i] + eps[0]) * d[i]", moved=state["moved"], eps=eps, s=s, d=d)
        a = b("a[i] = rho[0] * moved[i] + (1.0 - rho[0]) * (step[i] * step[i])", rho=rho, moved=state["moved"], step=step)
        return b("w2[i] = w[i] - lr[0] * step[i]", w=w, lr=b.scalar("lr"), step=step), {"square": s, "moved": a}
