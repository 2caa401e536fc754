"""What a schedule is: a factor for a number of the optimiser, as training goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .registry import Registry
from .word import Word

SCHEDULES: Registry[Schedule] = Registry("schedule", "netspec.schedules")


class Schedule(Word):
    """A factor for a scalar of the optimiser, as a function of training's progress.

    One that leads to the end of training is asked for no place beyond it: there its last factor inside holds on. An `endless`
    one goes by what lies behind (epochs, batches, measured values), and goes on.
    """

    of: str = "lr"  # which scalar; a schedule whose field it is lets the spec say another
    endless: ClassVar[bool] = False
    watches: ClassVar[bool] = False  # whether it follows a measured value instead: see plateau

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        SCHEDULES.add(cls, name, "schedule", abstract)

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        """`epoch` and `step` count from 0; `step` counts batches from the start of training, which is planned for `epochs`."""
        raise NotImplementedError

    def seen(self, values: Sequence[float]) -> float:
        """The factor after these measured values, one an epoch; for schedules that watch."""
        return 1.0
