"""Stochastic gradient descent."""

from __future__ import annotations

from ..words import WordError, flag, number, word
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Sgd(Optimiser):
    """g += decay*w; v = momentum*v + g; w -= lr*v, or w -= lr*(g + momentum*v) with `nesterov`. As PyTorch's SGD.

    `form=caffe` keeps the learning rate inside the velocity, v = momentum*v + lr*g and w -= v (Caffe, Keras, the
    lectures): the same while lr is constant. `dampening` weighs new gradients, but the first, by 1 - dampening.
    Papers: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
            Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013
    """

    lr: float = number("learning rate", default=0.01, least=0)
    momentum: float = number("how much of the last step is kept", default=0.0, least=0, below=1)
    nesterov: bool = flag("look ahead along the momentum", default=False, word="nesterov")
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)
    dampening: float = number("how much less new gradients weigh in the velocity", default=0.0, least=0, most=1)
    form: str = word("where the learning rate acts", default="torch", words=("torch", "caffe"))

    @property
    def state(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def check(self) -> None:
        if self.nesterov and (not self.momentum or self.dampening):
            raise WordError("nesterov looks ahead along the momentum, undampened", hint="sgd momentum=0.9 nesterov",
                            code="bad-value")

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        return settings | {"fresh": 1.0 - settings["dampening"] if step > 1 else 1.0}

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        lr, d = b.scalar("lr"), self.decayed(b, w, g)
        if not self.momentum:
            return b("w2[i] = w[i] - lr[0] * d[i]", w=w, lr=lr, d=d), {}
        mu, old = b.scalar("momentum"), state["velocity"]
        if self.form == "caffe":
            new = f"lr[0] * {'fresh[0] * ' if self.dampening else ''}d[i]"
            v = b(f"v[i] = mu[0] * velocity[i] + {new}", mu=mu, velocity=old, lr=lr, fresh=b.scalar("fresh") if self.dampening
                  else "", d=d)
            if self.nesterov:
                return b("w2[i] = w[i] - (mu[0] * v[i] + lr[0] * d[i])", w=w, mu=mu, v=v, lr=lr, d=d), {"velocity": v}
            return b("w2[i] = w[i] - v[i]", w=w, v=v), {"velocity": v}
        if self.dampening:
            v = b("v[i] = mu[0] * velocity[i] + fresh[0] * d[i]", mu=mu, velocity=old, fresh=b.scalar("fresh"), d=d)
        else:
            v = b("v[i] = mu[0] * velocity[i] + d[i]", mu=mu, velocity=old, d=d)
        if self.nesterov:
            return b("w2[i] = w[i] - lr[0] * (d[i] + mu[0] * v[i])", w=w, lr=lr, d=d, mu=mu, v=v), {"velocity": v}
        return b("w2[i] = w[i] - lr[0] * v[i]", w=w, lr=lr, v=v), {"velocity": v}
