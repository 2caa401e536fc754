"""How far training is planned, for schedules that lead to its end.

The horizon is what the train section or `configure(epochs=)` says; `fit(epochs=)` says how many epochs to run now, and moves
nothing. Where nobody said, it is the end of the first `fit`, ten epochs at least, and then it stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..misuse import Remark, remark

if TYPE_CHECKING:
    from ..network import Network

EPOCHS = 10  # where nobody said


class HorizonWarning(Remark):
    """Training goes on beyond the end that its schedules lead to."""


def stated(net: Network) -> int | None:
    """The horizon, where somebody said it or a first `fit` or a checkpoint fixed it."""
    return net.recipe.epochs if net.recipe.epochs is not None else net.ends


def horizon(net: Network) -> int:
    """The epoch at which training is planned to end, 1 at least."""
    said = stated(net)
    return max(1, EPOCHS if said is None else said)


def to_run(net: Network, epochs: int | None) -> int:
    """How many epochs a `fit` runs: so many as it was told, or those that are left, or where none is, all of them once more.
    The first one fixes the horizon where nobody did."""
    if epochs is None:
        left = horizon(net) - net.epoch
        epochs = 0 if net.recipe.epochs == 0 else left if left > 0 else horizon(net)
    if stated(net) is None and epochs:
        net.ends = max(EPOCHS, net.epoch + epochs)
    return epochs


def remark_beyond(net: Network) -> None:
    """Say once that training has gone beyond its horizon, if that means anything to a schedule."""
    leading = [s for s in net.recipe.schedules if not s.endless]
    end = horizon(net)
    if not leading or net.epoch < end or net.beyond == end:
        return
    net.beyond = end
    remark(
        f"epoch {net.epoch + 1} lies beyond the {end} epoch{'s' if end != 1 else ''} that schedule {leading[0]} leads through: it keeps its last value. "
           f"To go further: net.configure(epochs={max(3 * end, net.epoch + end)}), or `epochs` in the train section",
           HorizonWarning)
