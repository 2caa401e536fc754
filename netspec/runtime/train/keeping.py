"""Which weights a training keeps, and when it stops for want of better ones.

Examples for validation say which are best; where there are none, the loss of training does. Those for testing are watched then,
and choose nothing unless somebody names their number: what is measured on them at the end is of weights they have not chosen.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from math import isnan, nan
from typing import Any

from numpy.typing import NDArray

from ...diagnostics import Advice, NetspecError, near
from ..distributed.world import ALONE, World
from ..measuring.tallies import Tally
from ..misuse import misuse
from ..state import AVERAGE, State

Array = NDArray[Any]


@dataclass
class Keeper:
    """What one call of `fit` keeps.

    patience  epochs without a better number after which training stops, and the best weights are put back; None: never
    keep      what the recipe says: ("best", NAME) puts the best weights back at the end, whatever ends it; ("last",) none
    path      where the best weights are written as soon as they are, from where they are put back at the end; a run that goes
              on finds them there
    world     the workers that train it, the first of which writes
    """

    state: State
    save: Callable[[str], None]
    patience: int | None = None
    keep: tuple[str, ...] = ()
    path: str | None = None
    world: World = ALONE
    watched: str = "loss"
    lower: bool = True
    best: tuple[float, int] | None = None  # the number, and its epoch
    since: int = 0  # the epoch after which there was no better number
    held: tuple[dict[str, Array], dict[str, Array]] | None = field(default=None, repr=False)

    @property
    def idle(self) -> bool:
        """Whether nothing is kept."""
        return self.patience is None and self.keep[:1] != ("best",) and (self.path is None or self.keep == ("last",))

    def begin(self, counted: Iterable[Tally], judged: bool, tested: bool) -> str | None:
        """Before the first epoch: what is watched, and the best that a run that goes on has had. None to begin, or why
        not: it had stopped for want of better numbers. `judged`: each epoch measures on other examples than those it learns
        from; `tested`: on such as choose nothing.

        Errors: a name that is nothing that is measured.
        """
        counted = tuple(counted)
        names = [prefix + k for prefix in ("val_", "")[not judged :] for k in ("loss", *(t.name for t in counted))]
        self.watched, self.lower = choosing(self.keep, judged and not tested, counted)
        plain = self.watched.removeprefix("val_")
        if self.watched not in names and not (plain.endswith(".loss") and self.watched.startswith("val_") <= judged):
            raise _not_measured(self.watched, names, judged)
        self.best, self.since = self.world.first_does(self.gone_on)
        return self.tired(self.state.course.epoch)

    def gone_on(self) -> tuple[tuple[float, int] | None, int]:
        """The best weights that lie in the file already, if they are of an epoch of this training: it has measured what that had.
        Another number may have chosen them: one waits for a better one from the last epoch that had such on."""
        from ..io.checkpoint import checked

        if self.path is None or not os.path.isfile(self.path):
            return self.best, self.since
        record, epoch = self.state.course.record, 0
        with contextlib.suppress(NetspecError):  # what cannot be read is written anew
            was = checked(self.path)
            if dumps(was["record"]) == dumps(record[: was["epoch"]]):  # as text, where no number is one
                epoch = was["epoch"]
        if 0 < epoch <= len(record) and self.watched in record[epoch - 1]:
            self.best = record[epoch - 1][self.watched], epoch
            self.since = max([epoch, *(k for k, numbers in enumerate(record, 1) if self.better(numbers.get(self.watched, nan)))])
        return self.best, self.since

    def tired(self, epoch: int) -> str | None:
        """Why training stops after an epoch that is not the best, if it does."""
        if self.patience is None or self.best is None or epoch - self.since < self.patience:
            return None
        return (f"stopped after epoch {epoch}: {self.called} was best at epoch {self.best[1]} ({self.best[0]:.4f}), "
                "whose weights are back")

    @property
    def called(self) -> str:
        """What people call the number that is watched."""
        return self.watched if self.watched.startswith("val_") else f"{self.watched} of training"

    def better(self, value: float) -> bool:
        """Whether a number is better than the best."""
        if isnan(value):
            return False
        return self.best is None or isnan(self.best[0]) or (value < self.best[0] if self.lower else value > self.best[0])

    def epoch(self, numbers: Mapping[str, Any], epoch: int) -> str | None:
        """After an epoch: None to go on, or why not."""
        if self.idle:
            return None
        value = float(numbers[self.watched])
        if self.best is None or self.better(value):
            self.best, self.since = (value, epoch), epoch
            if self.path is not None and self.world.first:
                self.save(self.path)
            else:
                with self.state.gate.shared():
                    self.held = self.state.numbers(), self.state.slot(AVERAGE) if self.state.average.taken else {}
            return None
        return self.tired(epoch)

    def end(self, stopped: bool) -> int | None:
        """The best weights are put back where training stopped for want of better ones, or they are what is kept: then their
        epoch is returned."""
        if self.best is None or not (stopped or self.keep[:1] == ("best",) or self.path is not None):
            return None
        if self.path is not None and (self.world.first or self.held is None):
            from ..io.checkpoint import weights_in

            self.held = weights_in(self.state, self.path)
        if self.held is None:
            return None
        with self.state.gate.exclusive():
            for name, value in self.held[0].items():
                self.state.put(name, value)
            self.state.fill(AVERAGE, self.held[1])
        return self.best[1]

    def said(self, last: int) -> str | None:
        """Which weights the network has, where they are not those of the last epoch."""
        if self.idle or self.best is None or self.best[1] == last or not (self.keep[:1] == ("best",) or self.path is not None):
            return None
        return f"best   epoch {self.best[1]}, by {self.called} ({self.best[0]:.4f})"


def choosing(keep: Sequence[str], validated: bool, counted: Iterable[Tally]) -> tuple[str, bool]:
    """The number that says which epoch is best, and whether lower is better."""
    watched = keep[1] if len(keep) > 1 else "val_loss" if validated else "loss"
    better = {t.name: t.metric.better for t in counted}
    return watched, better.get(watched.removeprefix("val_"), "lower") == "lower"


def _not_measured(name: str, names: list[str], judged: bool) -> Exception:
    """The error for a number to choose by that there is not."""
    alike = near(name, names)
    plain = name.removeprefix("val_")
    if name.startswith("val_") and not judged:
        return misuse("unknown-name", f"`{name}` is not measured, so nothing can be best by it",
                      "no examples validate",
                      "a share of them can:  validation=0.2  in the data line, or in Python  fit(..., validation=(xv, yv))",
                      hint=f"keep best {plain}" if plain in names else f"keep best {names[0]}")
    return misuse("unknown-name", f"`{name}` is not measured, so nothing can be best by it",
                  f"what is measured: {', '.join(names)}", hint=f"keep best {alike}" if alike else Advice("one of them"))
