"""How far training is planned, for schedules that lead to its end.

The horizon is what the train section or `configure(epochs=)` says; `fit(epochs=)` says how many epochs to run now, and moves
nothing. Where nobody said, it is the end of the first `fit`, ten epochs at least, and then it stays.
"""

from __future__ import annotations

from ..misuse import Remark, remark
from ..state import State

EPOCHS = 10  # where nobody said


class HorizonWarning(Remark):
    """Training goes on beyond the end that its schedules lead to."""


def stated(state: State) -> int | None:
    """The horizon, where somebody said it or a first `fit` or a checkpoint fixed it."""
    return state.recipe.epochs if state.recipe.epochs is not None else state.course.ends


def horizon(state: State) -> int:
    """The epoch at which training is planned to end, 1 at least."""
    said = stated(state)
    return max(1, EPOCHS if said is None else said)


def to_run(state: State, epochs: int | None) -> int:
    """How many epochs a `fit` runs: so many as it was told, or those that are left, or where none is, all of them once more.
    The first one fixes the horizon where nobody did."""
    if epochs is None:
        left = horizon(state) - state.course.epoch
        epochs = 0 if state.recipe.epochs == 0 else left if left > 0 else horizon(state)
    if stated(state) is None and epochs:
        state.course.ends = max(EPOCHS, state.course.epoch + epochs)
    return epochs


def remark_beyond(state: State) -> None:
    """Say once that training has gone beyond its horizon, if that means anything to a schedule."""
    course, end = state.course, horizon(state)
    leading = [s for s in state.recipe.schedules if not s.endless]
    if not leading or course.epoch < end or course.beyond == end:
        return
    course.beyond = end
    remark(
        f"epoch {course.epoch + 1} lies beyond the {end} epoch{'s' if end != 1 else ''} that schedule {leading[0]} leads through: it keeps its last value. "
           f"To go further: net.configure(epochs={max(3 * end, course.epoch + end)}), or `epochs` in the train section",
           HorizonWarning)
