"""Exponential schedule."""

from __future__ import annotations

from typing import ClassVar

from ..words import number, text, word
from ..words.schedule import Schedule


class Exponential(Schedule):
    """The scalar is multiplied by `factor` every epoch (or batch)."""

    endless: ClassVar[bool] = True

    factor_: float = number("what the scalar is multiplied by", default=0.95, position=0, least=0)
    unit: str = word("what time is counted in", default="epochs", words=("epochs", "batches"))
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        return float(self.factor_ ** (epoch if self.unit == "epochs" else step))
