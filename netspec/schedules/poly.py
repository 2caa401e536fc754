"""Polynomial schedule."""

from __future__ import annotations

from ..words import number, text
from ..words.schedule import Schedule


class Poly(Schedule):
    """(1 - t) ** power, t from 0 to 1 over the training, batch by batch. Caffe's `poly`."""

    power: float = number("power", default=0.9, position=0, least=0)
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        return float((1 - min(1.0, step / max(1, epochs * steps_per_epoch))) ** self.power)
