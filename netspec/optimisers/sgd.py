"""Stochastic gradient descent."""

from __future__ import annotations

from ..layers.layer import Builder
from ..words import WordError, flag, number
from .optimiser import Optimiser


class Sgd(Optimiser):
    """g += decay*w; v = momentum*v + g; w -= lr*v, or w -= lr*(g + momentum*v) with `nesterov`. As PyTorch's SGD.

    Papers: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
            Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013
    """

    lr: float = number("learning rate", default=0.01, least=0)
    momentum: float = number("how much of the last step is kept", default=0.0, least=0, below=1)
    nesterov: bool = flag("look ahead along the momentum", default=False, word="nesterov")
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    @property
    def state(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("velocity",) if self.momentum else ()

    def check(self) -> None:
        if self.nesterov and not self.momentum:
            raise WordError("nesterov looks ahead along the momentum, and there is none", hint="sgd momentum=0.9 nesterov", code="bad-value")

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        lr, decay = b.scalar("lr"), b.scalar("decay")
        d = b("d[i] = g[i] + decay[0] * w[i]", g=g, decay=decay, w=w)
        if not self.momentum:
            return b("w2[i] = w[i] - lr[0] * d[i]", w=w, lr=lr, d=d), {}
        mu = b.scalar("momentum")
        v = b("v[i] = mu[0] * velocity[i] + d[i]", mu=mu, velocity=state["velocity"], d=d)
        if self.nesterov:
            return b("w2[i] = w[i] - lr[0] * (d[i] + mu[0] * v[i])", w=w, lr=lr, d=d, mu=mu, v=v), {"velocity": v}
        return b("w2[i] = w[i] - lr[0] * v[i]", w=w, lr=lr, v=v), {"velocity": v}
