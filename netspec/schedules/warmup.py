"""Warm-up."""

from __future__ import annotations

from typing import ClassVar

from ..words import number, text
from ..words.schedule import Schedule


class Warmup(Schedule):
    """From `start` up to 1 in a straight line over the first epochs, batch by batch, then 1. Multiplies with other schedules.

    Paper: Goyal et al., "Accurate, Large Minibatch SGD", 2017 (arXiv:1706.02677)
    """

    endless: ClassVar[bool] = True

    epochs: float = number("how many epochs", default=5.0, position=0, least=0)
    start: float = number("factor of the first batch", default=0.1, least=0, most=1)
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        length = self.epochs * steps_per_epoch
        return 1.0 if step >= length else self.start + (1 - self.start) * step / length
