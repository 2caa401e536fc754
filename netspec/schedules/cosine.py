"""Cosine schedule."""

from __future__ import annotations

from math import cos, pi

from ..words import number, text
from ..words.schedule import Schedule


class Cosine(Schedule):
    """From 1 down to `floor` along half a cosine, batch by batch.

    Paper: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016 (arXiv:1608.03983)
    """

    floor: float = number("factor at the end of training", default=0.0, least=0, most=1)
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        done = min(1.0, step / max(1, epochs * steps_per_epoch))
        return self.floor + (1 - self.floor) * 0.5 * (1 + cos(pi * done))
