"""Schedule along a sigmoid."""

from __future__ import annotations

from math import exp
from typing import ClassVar

from ..words import number, text, word
from ..words.schedule import Schedule


class Sigmoid(Schedule):
    """1 / (1 + e^(-slope*(t - middle))), t in epochs (or batches): Caffe's `sigmoid`, whose gamma is the slope and whose
    stepsize the middle. With a negative slope the factor falls.
    """

    endless: ClassVar[bool] = True

    middle: float = number("when the factor is one half", position=0)
    slope: float = number("how steep it is there, four times over; negative falls", default=-1.0)
    unit: str = word("what time is counted in", default="epochs", words=("epochs", "batches"))
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        z = self.slope * ((epoch if self.unit == "epochs" else step) - self.middle)
        return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))
