"""Step schedule."""

from __future__ import annotations

from typing import ClassVar

from ..words import count, number, text, word
from ..words.schedule import Schedule


class StepSchedule(Schedule, name="step"):
    """The scalar is multiplied by `factor` after every `every` epochs (or batches)."""

    endless: ClassVar[bool] = True

    every: int = count("how long between two steps", default=30, position=0)
    factor_: float = number("what the scalar is multiplied by", default=0.1, least=0)
    unit: str = word("what time is counted in", default="epochs", words=("epochs", "batches"))
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        return float(self.factor_ ** ((epoch if self.unit == "epochs" else step) // self.every))
