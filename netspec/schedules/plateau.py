"""Reduce on plateau."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import ClassVar

from ..words import count, number, text, word
from ..words.schedule import Schedule


class Plateau(Schedule):
    """The scalar is multiplied by `factor` when the watched number has not become better for more than `patience` epochs.

    It watches the validation loss where there is one, otherwise the training loss. As PyTorch's ReduceLROnPlateau.
    """

    watches: ClassVar[bool] = True
    endless: ClassVar[bool] = True

    patience: int = count("epochs without a better one that are borne", default=10, position=0, least=0)
    factor_: float = number("what the scalar is multiplied by", default=0.1, least=0)
    better: str = word("which numbers are better", default="lower", words=("lower", "higher"))
    margin: float = number("by how much better, as a part of the best", default=1e-4, least=0)
    rest: int = count("epochs after a step in which nothing counts", default=0, least=0)
    floor: float = number("smallest factor", default=0.0, least=0, most=1)
    of: str = text("the optimiser's scalar it steers", default="lr")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        return 1.0

    def seen(self, values: Sequence[float]) -> float:
        out, bad, resting = 1.0, 0, 0
        best = inf if self.better == "lower" else -inf
        for v in values:
            if v < best * (1 - self.margin) if self.better == "lower" else v > best * (1 + self.margin):
                best, bad = v, 0
            else:
                bad += 1
            if resting:
                resting, bad = resting - 1, 0
            if bad > self.patience:
                out, resting, bad = max(out * self.factor_, self.floor), self.rest, 0
        return out
