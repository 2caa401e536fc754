"""RMSprop."""

from __future__ import annotations

from ..words import flag, number
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class RmsProp(Optimiser):
    """s is a running mean of g^2: w -= lr * g / (sqrt(s) + eps). As PyTorch's; Keras adds eps `inside` the root.

    `centered` subtracts the squared running mean of g from s; with `momentum` the quotient goes into a velocity.
    Paper: Tieleman and Hinton, "Lecture 6.5: RMSprop", 2012; Graves, 2013 (arXiv:1308.0850) for `centered`
    """

    lr: float = number("learning rate", default=0.01, least=0)
    alpha: float = number("decay of the running mean of squares", default=0.99, least=0, below=1)
    eps: float = number("added to the root", default=1e-8, least=1e-30)
    inside: bool = flag("add eps inside the root", default=False, word="inside")
    centered: bool = flag("divide by the standard deviation", default=False, word="centered")
    momentum: float = number("how much of the last step is kept", default=0.0, least=0, below=1)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    @property
    def state(self) -> tuple[str, ...]:
        return ("square", *(("mean",) if self.centered else ()), *(("velocity",) if self.momentum else ()))

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d, alpha = self.decayed(b, w, g), b.scalar("alpha")
        s = b("s[i] = alpha[0] * square[i] + (1.0 - alpha[0]) * (d[i] * d[i])", alpha=alpha, square=state["square"], d=d)
        new, under = {"square": s}, s
        if self.centered:
            m = new["mean"] = b("m[i] = alpha[0] * mean[i] + (1.0 - alpha[0]) * d[i]", alpha=alpha, mean=state["mean"], d=d)
            under = b("u[i] = max(s[i] - m[i] * m[i], 0.0)", s=s, m=m)
        root = "sqrt(u[i] + eps[0])" if self.inside else "(sqrt(u[i]) + eps[0])"
        if not self.momentum:
            return b(f"w2[i] = w[i] - lr[0] * d[i] / {root}", w=w, lr=b.scalar("lr"), d=d, u=under, eps=b.scalar("eps")), new
        v = new["velocity"] = b(f"v[i] = mu[0] * velocity[i] + d[i] / {root}", mu=b.scalar("momentum"),
                                velocity=state["velocity"], d=d, u=under, eps=b.scalar("eps"))
        return b("w2[i] = w[i] - lr[0] * v[i]", w=w, lr=b.scalar("lr"), v=v), new
