"""What an optimiser and a schedule are.

An optimiser is an update rule in element-wise formulas over one flat vector of parameters: new weights from weights,
gradients and state. What changes from step to step (learning rate, bias correction) is a scalar in memory, computed by
`scalars` in float64, so that nothing is compiled twice.
"""

from __future__ import annotations

from typing import Any

from ..layers.layer import Builder
from ..words import Registry, Word

OPTIMISERS: Registry[Optimiser] = Registry("optimiser")
SCHEDULES: Registry[Schedule] = Registry("schedule")


class Optimiser(Word):
    """An update rule. `state` names the vectors it keeps for every parameter, zero at first."""

    state: tuple[str, ...] = ()
    lr: float
    decay: float

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        OPTIMISERS.add(cls, name, "optimiser")

    def scalars(self, step: int, settings: dict[str, float]) -> dict[str, float]:
        """The numbers the formulas read at step 1, 2, ...; `settings` holds this group's arguments (lr, decay, momentum
        ...) after schedules and per-parameter factors."""
        return settings

    def update(self, b: Builder, w: str, g: str, **state: str) -> tuple[str, dict[str, str]]:
        """The new weights and the new state. Formulas over one index i; a zero weight with a zero gradient stays zero."""
        raise NotImplementedError


class Schedule(Word):
    """A factor for a scalar of the optimiser, as a function of training's progress."""

    of: str  # which scalar: lr unless said otherwise

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        SCHEDULES.add(cls, name, "schedule")

    def factor(self, epoch: int, step: int, epochs: int, steps_per_epoch: int) -> float:
        """`epoch` and `step` count from 0; `step` counts batches from the start of training."""
        raise NotImplementedError
