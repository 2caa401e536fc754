"""Adam."""

from __future__ import annotations

from math import sqrt

from ..words import flag, number, word
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Adam(Optimiser):
    """m and v are running means of g and g^2, corrected for their start at zero: w -= lr * mhat / (sqrt(vhat) + eps).

    As PyTorch's Adam: `decay` is L2 added to the gradient, and eps is added after the correction; with `form=keras` before
    it (Keras, Caffe, the paper's "epsilon hat"). `amsgrad` never lets vhat fall.
    Papers: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014 (arXiv:1412.6980);
            Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018 (arXiv:1904.09237)
    """

    lr: float = number("learning rate", default=0.001, least=0)
    beta1: float = number("decay of the mean of gradients", default=0.9, least=0, below=1)
    beta2: float = number("decay of the mean of squared gradients", default=0.999, least=0, below=1)
    eps: float = number("added to the root", default=1e-8, least=1e-30)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)
    amsgrad: bool = flag("divide by the largest root so far", default=False, word="amsgrad")
    form: str = word("where eps is added", default="torch", words=("torch", "keras"))

    @property
    def state(self) -> tuple[str, ...]:
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        c1, c2 = 1 - settings["beta1"] ** step, 1 - settings["beta2"] ** step
        late = settings["eps"] if self.form == "torch" else settings["eps"] / sqrt(c2)
        return settings | {"rate": settings["lr"] / c1, "root": 1 / sqrt(c2), "eps": late, "keep": 1 - settings["lr"]
                           * settings["decay"]}

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        return self.moved(b, w, self.decayed(b, w, g), **state)

    def moved(self, b: Builder, w: str, d: str, **state: str) -> tuple[str, dict[str, str]]:
        """The step along a gradient that weight decay has been dealt with."""
        beta1, beta2 = b.scalar("beta1"), b.scalar("beta2")
        m = b("m[i] = beta1[0] * mean[i] + (1.0 - beta1[0]) * d[i]", beta1=beta1, mean=state["mean"], d=d)
        v = b("v[i] = beta2[0] * square[i] + (1.0 - beta2[0]) * (d[i] * d[i])", beta2=beta2, square=state["square"], d=d)
        new, under = {"mean": m, "square": v}, v
        if self.amsgrad:
            under = new["largest"] = b("u[i] = max(largest[i], v[i])", largest=state["largest"], v=v)
        w2 = b("w2[i] = w[i] - rate[0] * m[i] / (sqrt(v[i]) * root[0] + eps[0])", w=w, rate=b.scalar("rate"), m=m, v=under,
               root=b.scalar("root"), eps=b.scalar("eps"))
        return w2, new
