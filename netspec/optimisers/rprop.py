"""Resilient backpropagation."""

from __future__ import annotations

from ..words import number
from ..words.layer import Builder
from ..words.optimiser import Optimiser


class Rprop(Optimiser):
    """Only the gradient's sign counts: each weight has a step that grows while the sign stays and shrinks when it flips.

    For whole batches. As PyTorch's Rprop: the steps begin at lr and stay within 1e-6 and 50.
    Paper: Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm", 1993
    """

    state = ("before", "step")

    lr: float = number("the first step", default=0.01, least=0)
    grow: float = number("factor of a step whose sign stayed", default=1.2, least=1)
    shrink: float = number("factor of a step whose sign flipped", default=0.5, least=0, most=1)
    decay: float = number("weight decay: L2 added to the gradient", default=0.0, least=0)

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        d, before = self.decayed(b, w, g), state["before"]
        p = b("p[i] = d[i] * before[i]", d=d, before=before)
        s = b(
            "s[i] = min(max(where(step[i] == 0.0, lr[0], step[i]) * where(p[i] > 0.0, grow[0], where(p[i] < 0.0, shrink[0], 1.0)), 1e-06), 50.0)",
              step=state["step"], lr=b.scalar("lr"), p=p, grow=b.scalar("grow"), shrink=b.scalar("shrink"))
        e = b("e[i] = where(p[i] < 0.0, 0.0, d[i])", p=p, d=d)
        return b("w2[i] = w[i] - where(e[i] > 0.0, s[i], where(e[i] < 0.0, -s[i], 0.0))", w=w, e=e, s=s), {"before": e, "step": s}
