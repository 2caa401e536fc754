"""1/t schedule."""

from __future__ import annotations

from typing import ClassVar

from ..words import number, text, word
from ..words.schedule import Schedule


class Inverse(Schedule):
    """1 / (1 + rate*t) ** power, t in epochs (or batches): the lectures' 1/t decay, Caffe's `inv`."""

    endless: ClassVar[bool] = True

    rate: float = number("how fast", default=1.0, position=0, least=0)
    power: float = number("power of the quotient", default=1.0, least=0)
    unit: str = word("what time is counted in", default="epochs", words=("epochs", "batches"))
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        return float((1 + self.rate * (epoch if self.unit == "epochs" else step)) ** -self.power)
